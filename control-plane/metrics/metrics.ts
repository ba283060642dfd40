/** What Prometheus reads of a control plane: figures of all organisations together, which name nobody. */
import type { ServerResponse } from 'node:http';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Services } from '../services.ts';

interface Gauge {
  readonly name: string;
  readonly help: string;
  /** Undefined while there is nothing to tell. */
  readonly value: bigint | number | undefined;
}

export async function answerMetrics({ reconciliations }: Pick<Services, 'reconciliations'>, em: EntityManager, response: ServerResponse): Promise<void> {
  const { unexplainedNanos, checkedAt } = await reconciliations.worst(em);
  const gauges: Gauge[] = [
    { name: 'turnpike_ledger_unexplained_nanousd', help: 'The largest amount of money of a limit that nothing explains; must be 0.', value: unexplainedNanos },
    {
      name: 'turnpike_ledger_checked_timestamp_seconds',
      help: 'When the limit that has waited longest was last compared.',
      value: checkedAt === undefined ? undefined : checkedAt.getTime() / 1000,
    },
  ];
  response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8', 'Cache-Control': 'no-store' });
  response.end(gauges.map(linesOf).join(''));
}

function linesOf({ name, help, value }: Gauge): string {
  return value === undefined ? '' : `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`;
}
