/** Usage events that could not be stored: kept with the reason, told to whom they belong, and tried again when asked for. */
import { createHash } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import type { UsageDelivery } from '../../shared/usage-event.ts';
import { isFaultOfData, readDelivered, reasonOf } from './read-delivery.ts';
import { writeUsage, type OnStored } from './usage-writer.ts';

/** No more are tried at once. */
export const RETRIED_MAX = 1000;
const REASONS_MAX = 50;

const reasonsSchema = z.array(z.object({ reason: z.string(), count: z.number(), oldest_at: z.coerce.date(), newest_at: z.coerce.date() }));
const countSchema = z.tuple([z.object({ count: z.number() })]);
const lettersSchema = z.array(z.object({ delivery_id: z.string(), event: z.string() }));

export interface DeadLetters {
  readonly count: number;
  readonly reasons: readonly { readonly reason: string; readonly count: number; readonly oldestAt: Date; readonly newestAt: Date }[];
}

export interface Retried {
  readonly retried: number;
  readonly stored: number;
  readonly left: number;
}

/** Keeps an event with the reason; once however often it is delivered. */
export async function writeDeadLetter(em: EntityManager, { deliveryId, json, organisationId }: UsageDelivery, reason: string): Promise<void> {
  // The stream of a single process counts its deliveries anew at every start, so that only with its content a delivery is this one.
  const fingerprint = createHash('sha256').update(json).digest('hex').slice(0, 16);
  await em
    .fork()
    .execute('insert into usage_dead_letters (delivery_id, organisation_id, event, reason) values (?, ?, ?, ?) on conflict do nothing', [
      `${deliveryId} ${fingerprint}`,
      organisationId ?? ownerOf(json),
      withoutNul(json),
      withoutNul(reason),
    ]);
}

/** The reasons with the most events first. */
export async function deadLettersOf(em: EntityManager, organisationId: string): Promise<DeadLetters> {
  const rows = await em.execute(
    `select reason, count(*)::integer as count, min(set_aside_at) as oldest_at, max(set_aside_at) as newest_at from usage_dead_letters
      where organisation_id = ? group by reason order by count desc, reason limit ?`,
    [organisationId, REASONS_MAX],
  );
  const reasons = reasonsSchema.parse(rows).map(({ oldest_at: oldestAt, newest_at: newestAt, ...told }) => ({ ...told, oldestAt, newestAt }));
  return { count: await countOf(em, organisationId), reasons };
}

/** Tries again what has not been tried for longest, each by itself. What is stored counts once, however often this is done; what is not stays, with the reason of today. */
export async function retryDeadLetters(em: EntityManager, organisationId: string, most: number, onStored?: OnStored): Promise<Retried> {
  const rows = await em.execute(
    'select delivery_id, event from usage_dead_letters where organisation_id = ? order by tried_at nulls first, set_aside_at, delivery_id limit ?',
    [organisationId, most],
  );
  const letters = lettersSchema.parse(rows);
  let stored = 0;
  for (const { delivery_id: deliveryId, event } of letters) if (await retry(em, deliveryId, event, onStored)) stored++;
  return { retried: letters.length, stored, left: await countOf(em, organisationId) };
}

async function retry(em: EntityManager, deliveryId: string, json: string, onStored: OnStored | undefined): Promise<boolean> {
  try {
    await writeUsage(em, [readDelivered(json)], onStored);
  } catch (error) {
    if (!isFaultOfEvent(error)) throw error;
    await em.execute('update usage_dead_letters set reason = ?, tried_at = now() where delivery_id = ?', [withoutNul(reasonOf(error)), deliveryId]);
    return false;
  }
  await em.execute('delete from usage_dead_letters where delivery_id = ?', [deliveryId]);
  return true;
}

/** It cannot be read, or PostgreSQL does not take it; anything else passes. */
function isFaultOfEvent(error: unknown): boolean {
  return error instanceof z.ZodError || error instanceof SyntaxError || isFaultOfData(error);
}

async function countOf(em: EntityManager, organisationId: string): Promise<number> {
  const [{ count }] = countSchema.parse(
    await em.execute('select count(*)::integer as count from usage_dead_letters where organisation_id = ?', [organisationId]),
  );
  return count;
}

/** Null when it cannot be told; then no organisation sees it. */
function ownerOf(json: string): string | null {
  try {
    return readDelivered(json).organisationId;
  } catch (error) {
    if (isFaultOfEvent(error)) return null;
    throw error;
  }
}

/** Also of a reason, which may quote the event. */
function withoutNul(text: string): string {
  return text.replaceAll('\0', '\uFFFD');
}
