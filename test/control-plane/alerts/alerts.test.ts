/** An alert is raised once however many look, told as it is raised, and resolved when what it tells of is over. */
import 'reflect-metadata';
import type { MikroORM } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { lookAtOrganisation, type AlertSources } from '../../../control-plane/alerts/alert-keeper.ts';
import { openOrm } from '../../../control-plane/database/orm.ts';
import { acrossOrganisations } from '../../../control-plane/database/roles.ts';
import { DataPlanesService } from '../../../control-plane/data-planes/data-planes.service.ts';
import { ReconciliationsService } from '../../../control-plane/money/reconciliations.service.ts';
import { WindowCountsUnavailable, type WindowCountsSource } from '../../../shared/window-counts.ts';
import { writeUsageEvent } from '../../../shared/usage-event.ts';
import { recordingLog, startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { subscribeTo } from '../../support/subscription.ts';
import { usageEvent } from '../../support/usage.ts';

const alertSchema = z.object({ kind: z.string(), severity: z.string(), title: z.string(), targetId: z.string(), resolvedAt: z.string().nullable() });
const ALERT = 'kind severity title targetId resolvedAt';

let plane: TestControlPlane;
let orm: MikroORM;

beforeAll(async () => {
  plane = await startTestControlPlane();
  orm = await openOrm(plane.database.url, recordingLog().log);
});
afterAll(async () => {
  await orm?.close(true);
  await plane?.close();
});
beforeEach(async () => {
  await plane.database.query(
    'delete from server_health; delete from usage_dead_letters; delete from limits; delete from data_planes; delete from usage_hours; delete from alerts',
  );
});

async function alerts(active = true): Promise<z.infer<typeof alertSchema>[]> {
  const data = await plane.admin.query(`query($active: Boolean!) { alerts(active: $active) { ${ALERT} } }`, { active });
  return z.array(alertSchema).parse(data['alerts']);
}

/** As many replicas as are named look at once. */
async function look(sources: Partial<AlertSources> = {}, replicas = 1): Promise<void> {
  const all = { dataPlanes: new DataPlanesService(), reconciliations: new ReconciliationsService(), windowCounts: counting(0), ...sources };
  await Promise.all(Array.from({ length: replicas }, () => lookAtOrganisation(acrossOrganisations(orm.em), plane.organisationId, all)));
}

/** Counters that say so much is used of every window. */
function counting(used: number): WindowCountsSource {
  return { read: (_organisationId, keys) => Promise.resolve(keys.map(() => ({ used, reserved: 0 }))), close: () => Promise.resolve() };
}

async function unreachableServer(slug: string): Promise<string> {
  const { id } = await plane.admin.createServer({ name: slug, slug, transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/mcp' });
  await plane.database.query(
    `insert into server_health (server_id, source, organisation_id, health, detail, observed_at) values ($1, 'OBSERVED', $2, 'UNREACHABLE', 'nothing listens there', now())`,
    [id, plane.organisationId],
  );
  return id;
}

test('a server that cannot be reached raises one alert however many look at once, and is over when it answers', async () => {
  const id = await unreachableServer('gone');
  await look({}, 6);
  await look();
  expect(await alerts()).toEqual([
    { kind: 'SERVER_UNREACHABLE', severity: 'CRITICAL', title: 'the server gone cannot be reached', targetId: id, resolvedAt: null },
  ]);
  await plane.database.query(`update server_health set health = 'CONNECTED'`);
  await look({}, 6);
  expect(await alerts()).toEqual([]);
  expect(await alerts(false)).toMatchObject([{ kind: 'SERVER_UNREACHABLE', resolvedAt: expect.any(String) }]);
  await plane.database.query(`update server_health set health = 'UNREACHABLE'`);
  await look();
  expect(await alerts()).toHaveLength(1);
  expect(await alerts(false)).toHaveLength(2);
});

test('a server that asks who is calling, and tools that are new or changed, are told', async () => {
  const id = await unreachableServer('strange');
  await plane.database.query(`update server_health set health = 'AUTH_EXPIRED'`);
  const tool = (name: string, seen: string, changed: boolean) =>
    plane.database.query(
      `insert into tools (id, organisation_id, mcp_server_id, name, definition, fingerprint, approved_definition, approved_fingerprint, risk, is_changed, first_seen_at, last_seen_at)
       values ('tol_' || $1, $2, $3, $1, '{}', 'f', '{}', 'f', 'UNKNOWN', $4, now() - $5::interval, now())`,
      [name, plane.organisationId, id, changed, seen],
    );
  await tool('old', '30 days', true);
  await tool('new', '1 day', false);
  onTestFinished(async () => void (await plane.database.query('delete from tools')));
  await look();
  expect((await alerts()).map(({ kind, targetId }) => `${kind} ${targetId}`).toSorted()).toEqual([
    `AUTH_EXPIRED ${id}`,
    `TOOL_ADDED ${id}`,
    `TOOL_CHANGED ${id}`,
  ]);
});

test('a budget warns before it is used up; while counters do not answer nothing is raised and nothing is over', async () => {
  const schedule = { period: 'DAILY', timezone: 'UTC' };
  await plane.admin.mutate(
    'createBudget',
    'BudgetInput',
    { name: 'agents', ownerType: 'ORGANISATION', limitUsd: '1', warnAtPercent: [50, 80], schedule },
    'budget { id }',
  );
  await look({ windowCounts: counting(600000000) });
  expect(await alerts()).toMatchObject([{ kind: 'BUDGET_THRESHOLD', title: 'the budget agents has passed 50 %' }]);
  await look({ windowCounts: counting(900000000) });
  expect(await alerts()).toMatchObject([{ kind: 'BUDGET_THRESHOLD', title: 'the budget agents has passed 80 %' }]);
  const away: WindowCountsSource = { read: () => Promise.reject(new WindowCountsUnavailable()), close: () => Promise.resolve() };
  await look({ windowCounts: away });
  expect(await alerts()).toHaveLength(1);
  await look({ windowCounts: counting(1000000000) });
  expect(await alerts()).toMatchObject([{ kind: 'BUDGET_EXHAUSTED', severity: 'CRITICAL' }]);
  await look({ windowCounts: counting(0) });
  expect(await alerts()).toEqual([]);
});

test('a quota that is used up, dead letters, words that were stopped, a silent node and books that do not agree are told', async () => {
  const schedule = { period: 'DAILY', timezone: 'UTC' };
  await plane.admin.mutate('createQuota', 'QuotaInput', { name: 'calls', ownerType: 'ORGANISATION', metric: 'REQUESTS', limit: '5', schedule }, 'quota { id }');
  await plane.database.query(`insert into usage_dead_letters (delivery_id, event, reason, organisation_id) values ('x', '{}', 'no event', $1)`, [
    plane.organisationId,
  ]);
  plane.usageQueue.append(writeUsageEvent(usageEvent({ organisationId: plane.organisationId, dlpOutcome: 'BLOCKED', serverId: 'srv_x', serverSlug: 'words' })));
  const { token } = await plane.newDataPlaneToken();
  await plane.ask(
    'mutation { dataPlaneHello(input: {name: "n:1", version: "1", configVersion: "0", ready: true, inFlight: 0, endpoints: []}) { userErrors { code } } }',
    {},
    token,
  );
  await plane.database.query(`update data_planes set last_seen_at = now() - interval '1 minute'`);
  const [limit] = await plane.database.query('select id from limits');
  await plane.database.query(
    `insert into limit_reconciliations (id, organisation_id, limit_id, starts_at, ends_at, checked_at, epoch, used, recorded, not_counted, reserved, under_way, rolled_up)
     values ('w', $1, $2, now(), now(), now(), 'e', 0, 0, 0, 3, 0, '{"records": {"calls": "0", "nanosUsd": "0"}, "hours": {"calls": "0", "nanosUsd": "0"}, "days": {"calls": "0", "nanosUsd": "0"}}')`,
    [plane.organisationId, limit?.['id']],
  );
  const kinds = ['DATA_PLANE_STALE', 'DEAD_LETTERS', 'DLP_BLOCKED', 'LEDGER_UNEXPLAINED', 'QUOTA_EXHAUSTED'];
  await eventually(async () => {
    await look({ windowCounts: counting(5) });
    return (await alerts())
      .map(({ kind }) => kind)
      .toSorted()
      .join() === kinds.join()
      ? true
      : undefined;
  }, 'all of them');
});

test('whoever follows hears of it by itself, and nobody else does', async () => {
  const other = await plane.newOrganisation('others');
  const follow = (token: string) => {
    const follower = subscribeTo(plane.graphqlUrl, { query: `subscription { alertRaised { ${ALERT} } }`, variables: {}, token });
    onTestFinished(() => follower.close());
    return follower.next();
  };
  const [own, foreign] = [follow(plane.token), follow(other.token)];
  let isHeard = false;
  foreign.then(
    () => (isHeard = true),
    () => undefined,
  );
  const id = await unreachableServer('heard');
  expect(await own).toMatchObject({ alertRaised: { kind: 'SERVER_UNREACHABLE', targetId: id, resolvedAt: null } });
  expect(isHeard).toBe(false);
  expect(await other.admin.query('{ alerts(active: false) { id } }')).toEqual({ alerts: [] });
});

test('alerts need USAGE_READ', async () => {
  const { token } = await plane.newAdminToken({ permissions: ['KEY_MANAGE'] });
  expect((await plane.ask('{ alerts { id } }', {}, token)).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', permission: 'USAGE_READ' });
});
