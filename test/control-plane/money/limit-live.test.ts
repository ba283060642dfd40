/** Whoever follows limits hears what moves and what is passed after they began, and of nobody else’s. */
import { createClient, type Client } from 'graphql-ws';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { newId } from '../../../shared/ids.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { newLimit, windowsOf } from '../../support/limits.ts';
import { eventually } from '../../support/processes.ts';

const CHANGED = `subscription($ownerId: ID, $thresholdOnly: Boolean! = true) { limitChanged(ownerId: $ownerId, thresholdOnly: $thresholdOnly) {
  crossedPercent window { used reserved } limit { id name ownerType } } }`;
const changedSchema = z.object({
  limitChanged: z.object({
    crossedPercent: z.number().nullable(),
    window: z.object({ used: z.string(), reserved: z.string() }),
    limit: z.object({ id: z.string(), name: z.string(), ownerType: z.string() }),
  }),
});

let plane: TestControlPlane;
const clients: Client[] = [];
const LATER = 4_102_444_800_000;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());
afterEach(async () => {
  for (const client of clients.splice(0)) await client.dispose();
});

function subscribe(variables: Record<string, unknown>, token = plane.token): () => Promise<z.infer<typeof changedSchema>['limitChanged']> {
  const client = createClient({
    url: plane.graphqlUrl.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  });
  clients.push(client);
  const answers = client.iterate({ query: CHANGED, variables });
  return async () => {
    const { done, value } = await answers.next();
    if (done === true) throw new Error('the subscription ended');
    if (value.errors !== undefined) throw new Error(value.errors.map(({ message }) => message).join('; '));
    return changedSchema.parse(value.data).limitChanged;
  };
}

/** Uses up so much of a limit, by the name under which data planes count its first window. */
async function use(limitId: string, amount: number, organisationId = plane.organisationId): Promise<void> {
  const [row] = await plane.database.query(`select (extract(epoch from counted_since) * 1000)::bigint::text as since from limits where id = $1`, [limitId]);
  const hold = { key: `${limitId}:${String(row?.['since'])}`, previousKey: undefined, limit: 10_000_000, observe: false, expireAtMillis: LATER };
  const admission = { organisationId, requestId: newId('request'), rates: [], leases: [], holds: [hold], heldAmounts: [amount], intent: '' };
  expect(await plane.counters.admit(admission)).toMatchObject({ kind: 'admitted' });
  plane.counters.settle({ admission, amounts: [amount], event: '' });
}

test('tells what is passed after it began, of the owner that was asked for', async () => {
  const key = await plane.admin.createApiKey();
  const id = await newLimit(plane.admin, 'Budget', {
    name: 'followed',
    ownerType: 'API_KEY',
    ownerId: key.id,
    limitUsd: '0.001',
    warnAtPercent: [50, 80],
  });
  const other = await newLimit(plane.admin, 'Budget', { limitUsd: '0.001' });
  await use(id, 500_000);
  const next = subscribe({ ownerId: key.id, thresholdOnly: false });
  const first = next();
  let isFirstTold = false;
  void first.then(() => (isFirstTold = true));
  // It tells what moves once it has looked at what there is.
  await eventually(async () => {
    await use(id, 1);
    await use(other, 1);
    return isFirstTold ? true : undefined;
  }, 'the follower hearing something');
  expect(await first).toMatchObject({ crossedPercent: null, limit: { id, name: 'followed', ownerType: 'API_KEY' } });
  const [window] = await windowsOf(plane.admin, 'budgets');
  await use(id, 800_000 - Number(window?.used));
  let told = await next();
  while (told.crossedPercent === null) told = await next();
  expect(told).toMatchObject({ crossedPercent: 80, window: { used: '800000', reserved: '0' }, limit: { id } });
});

test('tells an organisation of its own limits alone', async () => {
  const foreign = await plane.newOrganisation('unheard');
  const first = subscribe({ thresholdOnly: false }, foreign.token)();
  const own = await newLimit(foreign.admin, 'Budget', { limitUsd: '0.001' });
  const ours = await newLimit(plane.admin, 'Budget', { limitUsd: '0.001' });
  let isTold = false;
  void first.then(() => (isTold = true));
  await eventually(async () => {
    await use(ours, 1);
    await use(own, 1, foreign.organisationId);
    return isTold ? true : undefined;
  }, 'the follower hearing something');
  expect(await first).toMatchObject({ limit: { id: own } });
});

test('is for administrators', async () => {
  const { token } = await plane.newDataPlaneToken();
  await expect(subscribe({}, token)()).rejects.toThrow('this needs administrator');
});
