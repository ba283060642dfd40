/** Whoever is refused by a budget or quota learns which one, whose, how much of it is left, and until when: window after window. */
import { beforeAll, expect, test } from 'vitest';
import { MemoryCounters } from '../../../data-plane/counters/memory-counters.ts';
import { planOf, type GovernancePlan } from '../../../data-plane/policies/governance-plan.ts';
import { refusalOf } from '../../../data-plane/policies/limit-refusals.ts';
import type { Refusal } from '../../../shared/refusal.ts';
import { newId } from '../../../shared/ids.ts';
import { TokenHasher } from '../../../shared/token.ts';
import { stateOf, testSecretKey } from '../../support/config-frames.ts';
import { accessGrant, apiKey, limit, mcpServer, organisation, snapshotOf } from '../../support/domain.ts';

const DAY = 86_400_000;
const NOON = Date.UTC(2026, 5, 10, 12);

const acme = organisation();
const { key } = apiKey(acme.id, new TokenHasher(testSecretKey.derive('token-hash')), { type: 'TEAM', teamId: 'tea_1' });
const server = mcpServer(acme.id);
const grant = accessGrant(key, server);
const days = { organisationId: acme.id, period: 'DAILY', rollover: true, mcpServerId: server.id } as const;
const budget = limit(acme.id, { ...days, id: 'lim_budget', name: 'of support', ownerType: 'TEAM', ownerId: 'tea_1', metric: 'NANO_USD', amount: '1000' });
const quota = limit(acme.id, {
  ...days,
  id: 'lim_quota',
  name: 'searches',
  ownerType: 'API_KEY',
  ownerId: key.id,
  metric: 'TOOL_CALLS',
  amount: '2',
  tool: 'search',
});

let plan: GovernancePlan;
let now = NOON;
const counters = new MemoryCounters({ clock: { now: () => now, elapsed: () => now } });

beforeAll(async () => {
  const upserts = snapshotOf({ organisations: [acme], apiKeys: [key], mcpServers: [server], accessGrants: [grant], limits: [budget, quota] });
  const { snapshot } = await stateOf('1', upserts);
  const governed = snapshot.servers.get(acme.id)?.get(server.id);
  if (governed === undefined) throw new Error('the server is in the snapshot');
  plan = planOf(snapshot, key, governed, grant);
});

/** One call that costs so much: undefined when it is admitted, and then it is settled at once. */
async function call(nanosUsd: number, tool: string): Promise<Refusal | undefined> {
  const { limits, checks } = plan.holds.at(now, [tool]);
  const heldAmounts = limits.map(({ limit: { metric } }) => (metric === 'NANO_USD' ? nanosUsd : 1));
  const admission = { organisationId: acme.id, requestId: newId('request'), rates: [], leases: [], holds: checks, heldAmounts, intent: '' };
  const answer = await counters.admit(admission);
  if (answer.kind === 'refused') return refusalOf(answer, { plan, limits }, now);
  counters.settle({ admission, amounts: heldAmounts, event: '' });
  return undefined;
}

test('the first day refuses more than its own, the second has the rest of the first on top, the third only that of the second', async () => {
  expect(await call(400, 'other')).toBeUndefined();
  now = NOON + DAY;
  expect(await call(1500, 'other')).toBeUndefined();
  const refusal = await call(101, 'other');
  expect(refusal).toMatchObject({ status: 402, code: 'budget_exceeded', message: "'of support' has $0.0000001 of $0.0000016 left in this daily window" });
  expect(refusal?.facts).toEqual({
    scope: 'TEAM',
    limitId: 'lim_budget',
    owner: 'tea_1',
    window: 'DAILY',
    limit: '1000',
    used: '1500',
    reserved: '0',
    carriedOver: '600',
    remaining: '100',
    resetAt: '2026-06-12T00:00:00.000Z',
    retryAfterSeconds: 43_200,
    rule: { kind: 'limit', id: 'lim_budget', path: 'amount' },
  });
  expect(await call(100, 'other')).toBeUndefined();
  now = NOON + 2 * DAY;
  expect((await call(1001, 'other'))?.facts).toMatchObject({ carriedOver: '0', remaining: '1000' });
});

test('a quota of one tool refuses that tool with everything that is known of it', async () => {
  now = NOON + 10 * DAY;
  for (let calls = 0; calls < 4; calls++) expect(await call(0, 'search')).toBeUndefined();
  const refusal = await call(0, 'search');
  expect(refusal).toMatchObject({ status: 429, code: 'quota_exceeded' });
  expect(refusal?.facts).toMatchObject({
    scope: 'API_KEY',
    limitId: 'lim_quota',
    owner: key.id,
    window: 'DAILY',
    limit: '2',
    used: '4',
    reserved: '0',
    carriedOver: '2',
    remaining: '0',
    resetAt: '2026-06-21T00:00:00.000Z',
  });
  expect(await call(0, 'other')).toBeUndefined();
});
