/** A comparison sees one moment, whatever is stored, told or changed while it is made. */
import 'reflect-metadata';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { compareLedger } from '../../../control-plane/money/ledger-comparison.ts';
import type { LedgerLook } from '../../../control-plane/money/ledger-look.ts';
import { LimitReconciliationEntity, type LimitReconciliation } from '../../../control-plane/money/limit-reconciliation.entity.ts';
import { LimitEntity } from '../../../control-plane/money/limit.entity.ts';
import { sumWindows } from '../../../control-plane/money/window-sums.ts';
import { toLimitDocument } from '../../../control-plane/money/limit.document.ts';
import { writeUsage } from '../../../control-plane/usage-intake/usage-writer.ts';
import { newId } from '../../../shared/ids.ts';
import { windowAt } from '../../../shared/schedule-window.ts';
import { eventually } from '../../support/processes.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { startUsageDatabase, usageEvent, usageEvents, type UsageDatabase } from '../../support/usage.ts';

const DAY_MILLIS = 86_400_000;
const { log, lines } = recordingLog();
let usage: UsageDatabase;
let organisationId: string;

beforeAll(async () => {
  usage = await startUsageDatabase();
});
afterAll(() => usage?.close());
beforeEach(async () => {
  organisationId = newId('organisation');
  lines.length = 0;
  await usage.database.query('insert into organisations (id, slug, name) values ($1, $1, $1)', [organisationId]);
});

/** A budget of the organisation that every node has known for long. */
async function budget(given: { madeAt?: Date } = {}): Promise<string> {
  const madeAt = given.madeAt ?? new Date(Date.now() - 40 * DAY_MILLIS);
  const [id, owner] = [newId('limit'), { ownerType: 'ORGANISATION', ownerId: organisationId } as const];
  const schedule = { period: 'DAILY', timezone: 'UTC', startAt: madeAt, countedSince: madeAt, rollover: false } as const;
  const amount = { metric: 'NANO_USD', amount: '1000000', mode: 'ENFORCE' } as const;
  await usage.orm.em
    .fork()
    .insert(LimitEntity, { id, organisationId, name: 'budget', ...owner, ...schedule, ...amount, warnAtPercent: [], createdAt: madeAt, updatedAt: madeAt });
  return id;
}

const store = (events: Parameters<typeof writeUsage>[1]) => writeUsage(usage.orm.em, events);
const spent = (count: number) => usageEvents(count, { organisationId });

/** Compares with counters that hold so much of the windows of the moment, and answers what was found of those. */
async function compared(used: () => Promise<number>, given: { look?: Partial<LedgerLook>; retentionDays?: number } = {}): Promise<LimitReconciliation[]> {
  const ledger = {
    look: async (_: string, keys: readonly string[]): Promise<LedgerLook> => {
      const now = await used();
      // The window before comes second, and nothing was used of it.
      const windows = keys.map((_key, index) => ({ used: index % 2 === 0 ? now : 0, reserved: 0 }));
      return { epoch: 'one', windows, underWay: new Map(), waiting: [], ...given.look };
    },
  };
  await compareLedger({ em: usage.orm.em, ledger, retentionDays: given.retentionDays, log }, organisationId);
  const found = await usage.orm.em.fork().find(LimitReconciliationEntity, { organisationId }, { filters: false, orderBy: { startsAt: 'desc' } });
  return found.slice(0, 1);
}
const counting = (used: number) => () => Promise.resolve(used);

test('nothing is stored while Redis is looked at: what would be belongs to the next one', async () => {
  await budget();
  await store(spent(3));
  let later: Promise<unknown> | undefined;
  const isWaiting = async () => {
    const [row] = await usage.database.query(`select count(*)::int as waiting from pg_locks where locktype = 'advisory' and not granted`);
    return row?.['waiting'] === 1 ? 'waits' : undefined;
  };
  const countedWithIt = async () => {
    later = store(spent(1));
    return (await Promise.race([later, eventually(isWaiting, 'the batch waiting')])) === 'waits' ? 3 : 4;
  };
  expect(await compared(countedWithIt)).toMatchObject([{ used: 3n, recorded: 3n }]);
  await later;
  expect(await compared(counting(4))).toMatchObject([{ recorded: 4n, notCounted: 0n }]);
  expect(lines.join('')).not.toContain('nothing explains');
});

test('a record whose event waits in the stream belongs to it, stored before or after', async () => {
  await budget();
  const [before, after] = [usageEvent({ organisationId }), usageEvent({ organisationId })];
  await store([before]);
  let later: Promise<unknown> | undefined;
  const countedBefore = () => {
    later = store([after, ...spent(5)]);
    return Promise.resolve(2);
  };
  const waiting = [before.requestId, after.requestId];
  expect(await compared(countedBefore, { look: { waiting } })).toMatchObject([{ recorded: 2n, notCounted: 0n }]);
  await later;
});

test('calls that nodes let through before they knew of a limit are shown, and are no difference; later ones are', async () => {
  const limitId = await budget({ madeAt: new Date() });
  await store(spent(5));
  expect(await compared(counting(1))).toMatchObject([{ recorded: 5n, notCounted: 4n }]);
  expect(lines.join('')).not.toContain('nothing explains');
  await usage.database.query(`update limits set updated_at = now() - interval '1 hour', start_at = now() - interval '1 hour' where id = $1`, [limitId]);
  await store(spent(2));
  expect(await compared(counting(1))).toMatchObject([{ recorded: 7n, notCounted: 4n }]);
  expect(lines.join('')).toContain('"used":"-2"');
});

test('windows of which records may be gone are not compared, and nor is what is not in force any more', async () => {
  const limitId = await budget();
  expect(await compared(counting(0))).toHaveLength(1);
  expect(await compared(counting(0), { retentionDays: 0 })).toEqual([]);
  await compared(counting(0));
  await usage.database.query('update limits set end_at = start_at where id = $1', [limitId]);
  expect(await compared(counting(0))).toEqual([]);
});

test('of a budget counts whatever a record cost, also of a batch that begins with a notification', async () => {
  const limitId = await budget();
  await store([usageEvent({ organisationId, rpcMethod: 'notifications/initialized', costNanosUsd: '7' })]);
  const limit = toLimitDocument(await usage.orm.em.fork().findOneOrFail(LimitEntity, { id: limitId }, { filters: false }));
  const window = windowAt(limit, Date.now());
  const windows =
    window === undefined
      ? []
      : [
          { limit, window },
          { limit: { ...limit, metric: 'REQUESTS' as const }, window },
        ];
  expect(await sumWindows(usage.orm.em, organisationId, windows)).toEqual([7n, 0n]);
});
