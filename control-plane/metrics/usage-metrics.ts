/** How usage fares on its way into PostgreSQL. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { systemClock } from '../../shared/clock.ts';
import type { UsageIntake } from '../usage-intake/usage-intake.ts';
import type { Metric } from './prometheus-text.ts';

const deadLettersSchema = z.tuple([z.object({ count: z.coerce.number() })]);

/** While the stream cannot be read, nothing is told of it but that. */
export async function usageMetrics(intake: UsageIntake, em: EntityManager): Promise<Metric[]> {
  const backlog = await intake.backlog();
  const [{ count: deadLetters }] = deadLettersSchema.parse(await em.execute('select count(*) as count from usage_dead_letters'));
  const lagMillis = backlog === undefined ? undefined : backlog.oldestMillis === undefined ? 0 : Math.max(0, systemClock.now() - backlog.oldestMillis);
  return [
    {
      name: 'turnpike_usage_stream_up',
      help: 'Whether the usage stream can be read: 1, or 0.',
      kind: 'gauge',
      value: backlog === undefined ? 0 : 1,
    },
    {
      name: 'turnpike_usage_queue_depth',
      help: 'Entries of the usage stream that no control plane has stored yet.',
      kind: 'gauge',
      value: backlog?.entries,
    },
    {
      name: 'turnpike_usage_lag_seconds',
      help: 'How long the oldest of them has waited; 0 when there is none.',
      kind: 'gauge',
      value: lagMillis === undefined ? undefined : lagMillis / 1000,
    },
    {
      name: 'turnpike_usage_records_stored_total',
      help: 'Usage records that this control plane has stored since its start.',
      kind: 'counter',
      value: intake.storedCount,
    },
    { name: 'turnpike_usage_dead_letters', help: 'Usage events that could not be stored and were set aside.', kind: 'gauge', value: deadLetters },
  ];
}
