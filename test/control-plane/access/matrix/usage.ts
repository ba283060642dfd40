/** The rows of usage and of the audit trail. */
import { LIVE_CHANNEL, type LiveNoun } from '../../../../control-plane/live/live-changes.ts';
import { writeUsageEvent } from '../../../../shared/usage-event.ts';
import { usageEvent } from '../../../support/usage.ts';
import { mutation, query, subscription, type Rows } from './row.ts';
import type { World } from './world.ts';

/** Said outright, for the answers repeat it. */
const TODAY = { gte: new Date(Date.now() - 86_400_000).toISOString(), lt: new Date(Date.now() + 3_600_000).toISOString() };
const EVERYTHING = { filter: { range: TODAY } };
const LEVELS = { ...EVERYTHING, fields: ['SERVER'] };
const CALLS = { ...EVERYTHING, groupBy: 'SERVER', metrics: ['CALLS'] };
const START = Buffer.from('0').toString('base64url');

function call({ plane, organisation }: World): Promise<void> {
  plane.usageQueue.append(writeUsageEvent(usageEvent({ organisationId: organisation })));
  return Promise.resolve();
}

/** As any replica does that has changed something of it. */
async function tellOf({ plane, organisation }: World, noun: LiveNoun, id: string): Promise<void> {
  await plane.database.query('insert into live_changes (organisation_id, noun, subject_id) values ($1, $2, $3)', [organisation, noun, id]);
  await plane.database.query('select pg_notify($1, $2)', [LIVE_CHANNEL, '']);
}

export const USAGE: Rows = {
  'Query.usageRecords': query(
    'USAGE_READ',
    () => EVERYTHING,
    ({ server }) => ({ filter: { range: TODAY, serverId: [server] } }),
    ({ key }) => ({ filter: { range: TODAY, apiKeyId: [key] } }),
    ({ request }) => ({ filter: { range: TODAY, requestId: [request] } }),
  ),
  'Query.usageRecord': query(
    'USAGE_READ',
    ({ usageRecord }) => ({ id: usageRecord }),
    ({ usageRecord }) => ({ id: usageRecord }),
    ({ request }) => ({ requestId: request }),
  ),
  'Query.usageAnalytics': query(
    'USAGE_READ',
    () => CALLS,
    ({ server }) => ({ ...CALLS, filter: { range: TODAY, serverId: [server] } }),
  ),
  'Query.usageFacets': query(
    'USAGE_READ',
    () => LEVELS,
    ({ server }) => ({ ...LEVELS, filter: { range: TODAY, serverId: [server] } }),
  ),
  'Query.workflowGraph': query(
    'USAGE_READ',
    () => EVERYTHING,
    ({ server }) => ({ filter: { range: TODAY, serverId: [server] } }),
  ),
  'Query.usageDeadLetters': query('USAGE_READ'),
  'Mutation.retryDeadLetters': mutation('USAGE_READ', () => ({})),
  'Subscription.usageRecordAdded': subscription('USAGE_READ', () => ({ ...EVERYTHING, after: START }), call),
  'Subscription.usageTick': subscription('USAGE_READ', () => ({ ...EVERYTHING, intervalMs: 250 }), call),
};

export const EXPORTS: Rows = {
  'Query.export': query(
    'USAGE_READ',
    ({ exported }) => ({ id: exported }),
    ({ exported }) => ({ id: exported }),
  ),
  'Mutation.createExport': mutation('USAGE_READ', () => ({ kind: 'USAGE' })),
  'Subscription.exportChanged': subscription(
    'USAGE_READ',
    ({ exported }) => ({ id: exported }),
    (own) => tellOf(own, 'EXPORT', own.exported),
  ),
};

export const ALERTS: Rows = {
  'Query.alerts': query('USAGE_READ', () => ({ active: false })),
  'Subscription.alertRaised': subscription(
    'USAGE_READ',
    () => ({}),
    (own) => tellOf(own, 'ALERT', own.alert),
  ),
};

export const AUDIT: Rows = {
  'Query.auditEvents': query(
    'AUDIT_READ',
    () => ({}),
    ({ server }) => ({ filter: { targetId: [server] } }),
    ({ user }) => ({ filter: { actorId: [user] } }),
  ),
  'Subscription.auditEventAdded': subscription('AUDIT_READ', () => ({ after: '0' })),
};
