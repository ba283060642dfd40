/** Whether the books agree, as the comparisons found. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Services } from '../services.ts';
import type { Metric } from './prometheus-text.ts';

export async function ledgerMetrics(reconciliations: Services['reconciliations'], em: EntityManager): Promise<Metric[]> {
  const { unexplainedNanos, checkedAt } = await reconciliations.worst(em);
  return [
    {
      name: 'turnpike_ledger_unexplained_nanousd',
      help: 'The largest amount of money of a limit that nothing explains; must be 0.',
      kind: 'gauge',
      value: unexplainedNanos,
    },
    {
      name: 'turnpike_ledger_checked_timestamp_seconds',
      help: 'When the limit that has waited longest was last compared.',
      kind: 'gauge',
      value: checkedAt === undefined ? undefined : checkedAt.getTime() / 1000,
    },
  ];
}
