/** The rows of policies, budgets and quotas. */
import { newId } from '../../../../shared/ids.ts';
import { newLimit, OWN_DAILY } from '../../../support/limits.ts';
import { mutation, query, subscription, type Rows } from './row.ts';
import type { World } from './world.ts';

const POLICY = { scope: 'ORGANISATION', policies: {} };

export const POLICIES: Rows = {
  'Query.policies': query('ADMINISTRATOR'),
  'Query.effectivePolicy': query(
    'ADMINISTRATOR',
    ({ key, server }) => ({ apiKeyId: key, serverId: server }),
    ({ key, server }) => ({ apiKeyId: key, serverId: server }),
  ),
  'Query.validatePolicy': query('ADMINISTRATOR', () => ({ policy: {} })),
  'Mutation.setPolicy': mutation(
    'POLICY_MANAGE',
    () => POLICY,
    ({ organisation }) => ({ ...POLICY, ownerId: organisation }),
    ({ key }) => ({ scope: 'API_KEY', ownerId: key, policies: {} }),
    ({ server }) => ({ scope: 'MCP_SERVER', ownerId: server, policies: {} }),
    ({ team }) => ({ scope: 'TEAM', ownerId: team, policies: {} }),
  ),
};

const BUDGET = { ...OWN_DAILY, limitUsd: '1' };
const QUOTA = { ...OWN_DAILY, metric: 'REQUESTS', limit: '1' };
const LATER = 4_102_444_800_000;

/** Uses up a little of the budget, by the name under which data planes count its window. */
async function spend({ plane, organisation: organisationId, budget }: World): Promise<void> {
  const [row] = await plane.database.query(`select (extract(epoch from counted_since) * 1000)::bigint::text as since from limits where id = $1`, [budget]);
  const hold = { key: `${budget}:${String(row?.['since'])}`, previousKey: undefined, limit: 10_000_000, observe: false, expireAtMillis: LATER };
  const admission = { organisationId, requestId: newId('request'), rates: [], leases: [], holds: [hold], heldAmounts: [1], intent: '' };
  await plane.counters.admit(admission);
  plane.counters.settle({ admission, amounts: [1], event: '' });
}

export const LIMITS: Rows = {
  'Query.budgets': query(
    'ADMINISTRATOR',
    () => ({}),
    ({ organisation }) => ({ ownerId: [organisation] }),
    ({ server }) => ({ serverId: [server] }),
  ),
  'Query.quotas': query(
    'ADMINISTRATOR',
    () => ({}),
    ({ organisation }) => ({ ownerId: [organisation] }),
    ({ server }) => ({ serverId: [server] }),
  ),
  'Query.reconciliation': query('ADMINISTRATOR'),
  'Mutation.createBudget': mutation(
    'BUDGET_MANAGE',
    () => BUDGET,
    ({ organisation }) => ({ ...BUDGET, ownerId: organisation }),
    ({ team }) => ({ ...BUDGET, ownerType: 'TEAM', ownerId: team }),
    ({ user }) => ({ ...BUDGET, ownerType: 'USER', ownerId: user }),
    ({ key }) => ({ ...BUDGET, ownerType: 'API_KEY', ownerId: key }),
    ({ server }) => ({ ...BUDGET, ownerType: 'MCP_SERVER', ownerId: server }),
    ({ server }) => ({ ...BUDGET, serverId: server }),
  ),
  'Mutation.createQuota': mutation(
    'BUDGET_MANAGE',
    () => QUOTA,
    ({ key }) => ({ ...QUOTA, ownerType: 'API_KEY', ownerId: key }),
    ({ server }) => ({ ...QUOTA, serverId: server }),
  ),
  'Mutation.updateBudget': mutation(
    'BUDGET_MANAGE',
    ({ budget }) => ({ id: budget }),
    ({ budget }) => ({ id: budget, limitUsd: '2' }),
  ),
  'Mutation.updateQuota': mutation(
    'BUDGET_MANAGE',
    ({ quota }) => ({ id: quota }),
    ({ quota }) => ({ id: quota, limit: '2' }),
  ),
  'Mutation.deleteLimit': mutation(
    'BUDGET_MANAGE',
    async ({ admin }) => ({ id: await newLimit(admin, 'Budget', { limitUsd: '1' }) }),
    ({ budget }) => ({ id: budget }),
    ({ quota }) => ({ id: quota }),
  ),
  'Subscription.limitChanged': subscription('ADMINISTRATOR', () => ({ thresholdOnly: false }), spend),
};
