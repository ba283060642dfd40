/** Whoever follows hears of what any replica does, once and in order, and comes back without a gap. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MikroORM } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { startControlPlane, type RunningControlPlane } from '../../../control-plane/application.ts';
import { Notifications } from '../../../control-plane/database/notifications.ts';
import { openOrm } from '../../../control-plane/database/orm.ts';
import { LIVE_CHANNEL, LiveChanges } from '../../../control-plane/live/live-changes.ts';
import { AdminClient } from '../../support/admin-client.ts';
import { emptyStores, recordingLog, startTestControlPlane, testSettings, type TestControlPlane } from '../../support/control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { subscribeTo, type Subscription } from '../../support/subscription.ts';

let plane: TestControlPlane;
/** Another replica on the same database. */
let second: RunningControlPlane;
let directory: string;
let atSecond: AdminClient;
let orm: MikroORM;
let notifications: Notifications;

beforeAll(async () => {
  plane = await startTestControlPlane();
  directory = await mkdtemp(join(tmpdir(), 'turnpike-second-'));
  const settings = testSettings({ DATABASE_URL: plane.database.url, TURNPIKE_DATA_DIR: directory, TURNPIKE_SECRET_KEY: plane.settings.secretKey });
  second = await startControlPlane(settings, { log: recordingLog().log, ...emptyStores() });
  orm = await openOrm(plane.database.url, recordingLog().log);
  notifications = new Notifications(plane.database.url, [LIVE_CHANNEL], recordingLog().log);
  atSecond = new AdminClient(`${second.url}/graphql`, plane.token);
});
afterAll(async () => {
  await notifications?.close();
  await orm?.close(true);
  await second?.close();
  await plane?.close();
  await rm(directory, { recursive: true, force: true });
});

function follow(query: string, variables: Record<string, unknown> = {}, token = plane.token): Subscription {
  const follower = subscribeTo(plane.graphqlUrl, { query, variables, token });
  onTestFinished(() => follower.close());
  return follower;
}

const auditSchema = z.object({ auditEventAdded: z.object({ position: z.string(), action: z.string() }) });
const AUDIT = 'subscription($after: BigInt) { auditEventAdded(after: $after) { position action } }';

test('audit events of either replica are told once and in order, also to whoever comes back at the other one', async () => {
  const follower = follow(AUDIT, { after: '0' });
  const writers = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? plane.admin : atSecond).createApiKey({ name: `key ${index}` }));
  const seen: string[] = [];
  while (seen.length < 20) seen.push(auditSchema.parse(await follower.next()).auditEventAdded.position);
  await follower.close();
  await Promise.all(writers);
  const again = subscribeTo(`${second.url}/graphql`, { query: AUDIT, variables: { after: seen.at(-1) }, token: plane.token });
  onTestFinished(() => again.close());
  while (seen.length < 40) seen.push(auditSchema.parse(await again.next()).auditEventAdded.position);
  expect(seen).toEqual(Array.from({ length: 40 }, (_, index) => String(index + 1)));
});

test('a server that one replica switches on or off is told by the other', async () => {
  const { id } = await plane.admin.createServer({ name: 'Switched', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/mcp' });
  const follower = follow('subscription($id: ID) { serverHealthChanged(serverId: $id) { id health enabled } }', { id });
  let enabled = true;
  const told = await toldWhile(follower, async () => {
    enabled = !enabled;
    await atSecond.mutate('setServerEnabled', 'SetEnabledInput', { id, enabled }, 'server { id }');
  });
  expect([
    { serverHealthChanged: { id, health: 'DISABLED', enabled: false } },
    { serverHealthChanged: { id, health: 'UNKNOWN', enabled: true } },
  ]).toContainEqual(told);
});

test('a data plane is told when it comes, when it refuses a configuration and when it falls silent, not whenever it speaks', async () => {
  const { token } = await plane.newDataPlaneToken();
  const hello = (name: string, inFlight: number) =>
    plane.ask(
      'mutation($input: DataPlaneHelloInput!) { dataPlaneHello(input: $input) { dataPlane { id } } }',
      { input: { name, version: '1', configVersion: '3', ready: true, inFlight, endpoints: [] } },
      token,
    );
  const follower = follow('subscription { dataPlaneChanged { id name ready inFlight configLag refusedReason } }');
  let count = 0;
  // Those that are there when it begins are not told.
  const came = await toldWhile(follower, () => hello(`live:${++count}`, 1));
  const { id, name } = z.object({ dataPlaneChanged: z.looseObject({ id: z.string(), name: z.string() }) }).parse(came).dataPlaneChanged;
  expect(came).toMatchObject({ dataPlaneChanged: { ready: true, inFlight: 1, refusedReason: null } });
  await hello(name, 2);
  const refusal = { i: { dataPlaneId: id, version: '4', refusedReason: 'no' } };
  await plane.ask('mutation($i: AcknowledgeConfigInput!) { acknowledgeConfig(input: $i) { userErrors { code } } }', refusal, token);
  const ofNode = async () => {
    for (;;) {
      const told = z.object({ dataPlaneChanged: z.looseObject({ id: z.string() }) }).parse(await follower.next());
      if (told.dataPlaneChanged.id === id) return told.dataPlaneChanged;
    }
  };
  expect(await ofNode()).toMatchObject({ refusedReason: 'no', ready: true });
  await plane.database.query(`update data_planes set last_seen_at = now() - interval '16 seconds' where id = $1`, [id]);
  expect(await ofNode()).toMatchObject({ ready: false });
});

test('whoever reads slowly hears of a server as it is, not of every change that it went through', async () => {
  const { id } = await plane.admin.createServer({ name: 'Busy', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/mcp' });
  const changes = new LiveChanges(orm.em, notifications);
  const ending = new AbortController();
  onTestFinished(() => ending.abort());
  const reader = changes.follow(plane.organisationId, 'SERVER', ending.signal);
  expect((await reader.next()).value).toEqual([]);
  for (const enabled of [false, true, false, true, false]) await plane.admin.mutate('setServerEnabled', 'SetEnabledInput', { id, enabled }, 'server { id }');
  expect((await reader.next()).value).toEqual([id]);
});

/** What the follower hears first: it may begin to follow only after something was done, so that is done again. */
async function toldWhile(follower: Subscription, act: () => Promise<unknown>): Promise<unknown> {
  let told: unknown;
  let failure: unknown;
  follower.next().then(
    (value) => (told = value),
    (error: unknown) => (failure = error),
  );
  return eventually(async () => {
    if (failure !== undefined) throw failure;
    if (told === undefined) await act();
    return told;
  }, 'the follower hearing of it');
}
