/** What a limit shows of its windows: the counters' own counts for the one of the moment, the records' exact costs for those before. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { windowKeysOf, WindowCountsUnavailable, type WindowCounts, type WindowCountsSource } from '../../../shared/window-counts.ts';
import { UsageQueue } from '../../../shared/usage-queue.ts';
import { writeUsageEvent, type UsageEvent } from '../../../shared/usage-event.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { newLimit, WINDOW_FIELDS, windowsOf } from '../../support/limits.ts';
import { eventually } from '../../support/processes.ts';
import { usageEvent } from '../../support/usage.ts';

const DAY = 86_400_000;
const UTC_DAYS = { period: 'DAILY', timezone: 'UTC' };

/** Counts as a test sets them, and what was asked of them. */
class ScriptedCounts implements WindowCountsSource {
  readonly counts = new Map<string, WindowCounts>();
  readonly asked: (readonly string[])[] = [];
  isAway = false;

  read(organisationId: string, keys: readonly string[]): Promise<readonly WindowCounts[]> {
    if (this.isAway) return Promise.reject(new WindowCountsUnavailable('the counters do not answer'));
    this.asked.push(keys);
    return Promise.resolve(keys.map((key) => this.counts.get(`${organisationId} ${key}`) ?? { used: 0, reserved: 0 }));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const counts = new ScriptedCounts();
const queue = new UsageQueue();
let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane(undefined, { windowCounts: counts, usageSource: queue });
});
afterAll(() => plane?.close());

/** An organisation of the test's own, so that the lists hold its limits alone. */
let organisations = 0;
function organisation() {
  return plane.newOrganisation(`windows-${++organisations}`);
}

/** The names of the counts of today and of yesterday, for a limit that was made long ago. */
async function keysOf(id: string): Promise<{ key: string; previousKey: string }> {
  await plane.database.query(`update limits set counted_since = '2020-01-01', start_at = '2020-01-01' where id = $1`, [id]);
  const today = Math.floor(Date.now() / DAY) * DAY;
  const schedule = { id, period: 'DAILY', timezone: 'UTC', startAtMillis: 0, endAtMillis: null, countedSinceMillis: 0, rollover: true } as const;
  const { key, previousKey } = windowKeysOf(schedule, { startMillis: today, endMillis: today + DAY });
  return { key, previousKey: previousKey ?? '' };
}

describe('the window of the moment', () => {
  test('shows what is used and held, and what of limit and carry remains', async () => {
    const { admin, organisationId } = await organisation();
    const id = await newLimit(admin, 'Budget', { limitUsd: '0.000001', schedule: { ...UTC_DAYS, rollover: true } });
    const { key, previousKey } = await keysOf(id);
    counts.counts.set(`${organisationId} ${previousKey}`, { used: 300, reserved: 100 });
    counts.counts.set(`${organisationId} ${key}`, { used: 1100, reserved: 50 });
    const [window] = await windowsOf(admin, 'budgets');
    const today = Math.floor(Date.now() / DAY) * DAY;
    expect(window).toMatchObject({
      startsAt: new Date(today).toISOString(),
      endsAt: new Date(today + DAY).toISOString(),
      limit: '1000',
      used: '1100',
      reserved: '50',
      carriedOver: '600',
      remaining: '450',
    });
  });

  test('never shows less than nothing, and is exact up to the largest limit', async () => {
    const { admin, organisationId } = await organisation();
    const most = 9_007_199_254_740_991;
    const [large, overdrawn] = [
      await newLimit(admin, 'Quota', { metric: 'OUTPUT_BYTES', limit: String(most), schedule: UTC_DAYS }),
      await newLimit(admin, 'Quota', { metric: 'REQUESTS', limit: '10', schedule: UTC_DAYS }),
    ];
    counts.counts.set(`${organisationId} ${(await keysOf(large)).key}`, { used: most - 1, reserved: 0 });
    counts.counts.set(`${organisationId} ${(await keysOf(overdrawn)).key}`, { used: 12, reserved: 3 });
    expect(await windowsOf(admin, 'quotas')).toMatchObject([
      { used: String(most - 1), remaining: '1' },
      { used: '12', reserved: '3', remaining: '0', projectedExhaustionAt: null },
    ]);
  });

  test('says when nothing will remain, if that is before its end', async () => {
    const { admin, organisationId } = await organisation();
    const [fast, slow] = [
      await newLimit(admin, 'Quota', { metric: 'REQUESTS', limit: '1000001', schedule: UTC_DAYS }),
      await newLimit(admin, 'Quota', { metric: 'REQUESTS', limit: '9000000000000000', schedule: UTC_DAYS }),
    ];
    for (const id of [fast, slow]) counts.counts.set(`${organisationId} ${(await keysOf(id)).key}`, { used: 1_000_000, reserved: 0 });
    const before = Date.now();
    const [early, late] = await windowsOf(admin, 'quotas');
    const projected = Date.parse(early?.projectedExhaustionAt ?? '');
    expect(projected).toBeGreaterThanOrEqual(before);
    expect(projected).toBeLessThan(before + DAY);
    expect(late?.projectedExhaustionAt).toBeNull();
  });

  test('is none before its schedule begins and after it ends', async () => {
    const { admin } = await organisation();
    await newLimit(admin, 'Budget', { limitUsd: '1', schedule: { ...UTC_DAYS, startAt: '2099-01-01T00:00:00Z' } });
    await newLimit(admin, 'Budget', { limitUsd: '1', schedule: { ...UTC_DAYS, startAt: '2020-01-01T00:00:00Z', endAt: '2020-02-01T00:00:00Z' } });
    expect(await windowsOf(admin, 'budgets')).toEqual([null, null]);
  });

  test('costs one question to the counters for a whole page', async () => {
    const { admin } = await organisation();
    for (let made = 0; made < 7; made++) await keysOf(await newLimit(admin, 'Budget', { limitUsd: '1', schedule: { ...UTC_DAYS, rollover: true } }));
    counts.asked.length = 0;
    expect(await windowsOf(admin, 'budgets')).toHaveLength(7);
    expect(counts.asked.map(({ length }) => length)).toEqual([14]);
  });

  test('is nothing but an error while the counters do not answer, and everything else is there', async () => {
    const { token, admin } = await organisation();
    const id = await newLimit(admin, 'Budget', { limitUsd: '1' });
    counts.isAway = true;
    const answer = await plane.ask('{ budgets { nodes { id limit { usd } window { used } } } }', {}, token);
    counts.isAway = false;
    expect(answer.status).toBe(200);
    expect(answer.data).toEqual({ budgets: { nodes: [{ id, limit: { usd: '1' }, window: null }] } });
    expect(answer.errors).toMatchObject([{ message: 'the counters do not answer', extensions: { code: 'SERVICE_UNAVAILABLE' } }]);
  });
});

const historySchema = z.object({
  budgets: z.object({
    nodes: z.array(z.object({ history: z.array(z.object({ startsAt: z.string(), used: z.string(), remaining: z.string(), carriedOver: z.string() })) })),
  }),
});

describe('the windows before', () => {
  const TODAY = Math.floor(Date.now() / DAY) * DAY;

  async function recorded(organisationId: string, events: readonly Partial<UsageEvent>[]): Promise<void> {
    for (const event of events) queue.append(writeUsageEvent(usageEvent({ organisationId, ...event })));
    await eventually(async () => {
      const [row] = await plane.database.query('select count(*)::int as count from usage_records where organisation_id = $1', [organisationId]);
      return row?.['count'] === events.length ? true : undefined;
    }, 'the records being written');
  }

  async function historyOf(admin: TestControlPlane['admin'], first: number) {
    const answer = await admin.query(`{ budgets { nodes { history(first: ${first}) { startsAt used remaining carriedOver ${WINDOW_FIELDS} } } } }`);
    return historySchema.parse(answer).budgets.nodes.map(({ history }) => history);
  }

  test('show what recorded calls cost, each in the window of its instant, exactly', async () => {
    const { admin, organisationId } = await organisation();
    const schedule = { ...UTC_DAYS, startAt: new Date(TODAY - 3 * DAY).toISOString(), rollover: true };
    await newLimit(admin, 'Budget', { limitUsd: '1', schedule });
    await recorded(organisationId, [
      { timeMillis: TODAY, costNanosUsd: '5000' },
      { timeMillis: TODAY - 1, costNanosUsd: '123456789' },
      { timeMillis: TODAY - DAY, costNanosUsd: '1' },
      { timeMillis: TODAY - DAY - 1, costNanosUsd: '900000000' },
      { timeMillis: TODAY - 3 * DAY - 1, costNanosUsd: '77' },
    ]);
    const days = [1, 2, 3].map((ago) => new Date(TODAY - ago * DAY).toISOString());
    const expected = [
      { startsAt: days[0], used: '123456790', carriedOver: '100000000', remaining: '976543210' },
      { startsAt: days[1], used: '900000000', carriedOver: '1000000000', remaining: '1100000000' },
      { startsAt: days[2], used: '0', carriedOver: '0', remaining: '1000000000' },
    ];
    expect(await historyOf(admin, 12)).toMatchObject([expected]);
    expect(await historyOf(admin, 1)).toMatchObject([expected.slice(0, 1)]);
  });

  test('count for each owner what falls under it, narrowed as it is', async () => {
    const { admin, organisationId } = await organisation();
    const server = await admin.createServer({ name: 'S', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' });
    const key = await admin.createApiKey();
    const { team } = await admin.mutate('upsertTeam', 'UpsertTeamInput', { name: 'T' }, 'team { id }');
    const teamId = z.object({ id: z.string() }).parse(team).id;
    const schedule = { ...UTC_DAYS, startAt: new Date(TODAY - DAY).toISOString() };
    const owned: Record<string, unknown>[] = [
      {},
      { ownerType: 'TEAM', ownerId: teamId },
      { ownerType: 'API_KEY', ownerId: key.id },
      { ownerType: 'MCP_SERVER', ownerId: server.id },
      { serverId: server.id },
      { serverId: server.id, tool: 'echo' },
      { ownerType: 'API_KEY', ownerId: key.id, serverId: server.id },
    ];
    for (const given of owned) await newLimit(admin, 'Budget', { limitUsd: '1', schedule, ...given });
    const timeMillis = TODAY - 1;
    await recorded(organisationId, [
      { timeMillis, costNanosUsd: '1', tool: null },
      { timeMillis, costNanosUsd: '10', teamId },
      { timeMillis, costNanosUsd: '100', apiKeyId: key.id },
      { timeMillis, costNanosUsd: '1000', serverId: server.id },
      { timeMillis, costNanosUsd: '10000', serverId: server.id, tool: 'other', apiKeyId: key.id, teamId },
    ]);
    expect((await historyOf(admin, 1)).map(([window]) => window?.used)).toEqual(['11111', '10010', '10100', '11000', '11000', '1000', '10000']);
  });

  test('need the permission to read usage, and are not asked for without end', async () => {
    const { admin, organisationId, token } = await organisation();
    await newLimit(admin, 'Budget', { limitUsd: '1' });
    const query = '{ budgets { nodes { history(first: 61) { used } } } }';
    const { token: without } = await plane.newAdminToken({ organisationId, permissions: ['BUDGET_MANAGE'] });
    expect((await plane.ask(query, {}, without)).errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', permission: 'USAGE_READ' } }]);
    expect((await plane.ask(query, {}, token)).errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });
});
