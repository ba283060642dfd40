/** Data planes say how they are, administrators see it, and neither may do what is the other's. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';

let plane: TestControlPlane;
let token: string;

beforeAll(async () => {
  plane = await startTestControlPlane();
  token = (await plane.newDataPlaneToken()).token;
});
afterAll(() => plane?.close());

const HELLO = `mutation($input: DataPlaneHelloInput!) { dataPlaneHello(input: $input) {
  dataPlane { id name version configVersion configLag refusedVersion refusedReason ready inFlight endpoints startedAt lastSeenAt } userErrors { field code } } }`;
const ACKNOWLEDGE = `mutation($input: AcknowledgeConfigInput!) { acknowledgeConfig(input: $input) {
  dataPlane { configVersion configLag refusedVersion refusedReason } userErrors { field code } } }`;
const LIST = '{ dataPlanes { id name configVersion configLag refusedReason ready inFlight endpoints } }';
const described = (given: Record<string, unknown> = {}) => ({
  input: { name: 'node:1', version: '0.1.0', configVersion: '1', ready: true, inFlight: 3, endpoints: ['http://127.0.0.1:8080'], ...given },
});
const idSchema = z.object({ dataPlaneHello: z.object({ dataPlane: z.object({ id: z.string(), startedAt: z.string() }) }) });

async function hello(given: Record<string, unknown> = {}, by = token) {
  return idSchema.parse((await plane.ask(HELLO, described(given), by)).data).dataPlaneHello.dataPlane;
}

async function listed(by = plane.token) {
  const { data } = await plane.ask(LIST, {}, by);
  return z.array(z.looseObject({ id: z.string(), name: z.string() })).parse(data?.['dataPlanes']);
}

describe('hello', () => {
  test('registers a node by its name, and the same node keeps its id', async () => {
    const first = await hello({ name: 'same:1' });
    expect(first.id).toMatch(/^dpl_/);
    expect(await hello({ name: 'same:1', inFlight: 9, ready: false })).toEqual(first);
    expect(await listed()).toContainEqual(expect.objectContaining({ id: first.id, inFlight: 9, ready: false, endpoints: ['http://127.0.0.1:8080'] }));
  });

  test('said by one node many times at once makes one node', async () => {
    const nodes = await Promise.all(Array.from({ length: 8 }, () => hello({ name: 'eager:1' })));
    expect(new Set(nodes.map(({ id }) => id)).size).toBe(1);
  });

  test.each([
    ['name', { name: '' }],
    ['name', { name: 'n'.repeat(201) }],
    ['configVersion', { configVersion: '-1' }],
    ['inFlight', { inFlight: -1 }],
    ['endpoints', { endpoints: Array.from({ length: 17 }, () => 'http://127.0.0.1') }],
  ])('with a wrong %s is refused', async (field, given) => {
    const { data } = await plane.ask(HELLO, described(given), token);
    expect(data).toMatchObject({ dataPlaneHello: { dataPlane: null, userErrors: [{ field: [field] }] } });
  });
});

describe('an acknowledgement', () => {
  test('moves the version, and the lag is what is missing', async () => {
    const { id } = await hello({ name: 'acks:1', configVersion: '0' });
    await plane.database.query('update config_version set version = 12');
    const { data } = await plane.ask(ACKNOWLEDGE, { input: { dataPlaneId: id, version: '9' } }, token);
    expect(data).toMatchObject({ acknowledgeConfig: { dataPlane: { configVersion: '9', configLag: '3', refusedVersion: null } } });
  });

  test('that refuses keeps the version in force and shows the reason, until a later one is applied', async () => {
    const { id } = await hello({ name: 'refuses:1', configVersion: '9' });
    const say = async (input: Record<string, unknown>) => (await plane.ask(ACKNOWLEDGE, { input: { dataPlaneId: id, ...input } }, token)).data;
    expect(await say({ version: '10', refusedReason: 'changes.0: no' })).toMatchObject({
      acknowledgeConfig: { dataPlane: { configVersion: '9', refusedVersion: '10', refusedReason: 'changes.0: no' } },
    });
    expect(await listed()).toContainEqual(expect.objectContaining({ id, refusedReason: 'changes.0: no' }));
    expect(await say({ version: '11' })).toMatchObject({
      acknowledgeConfig: { dataPlane: { configVersion: '11', refusedVersion: null, refusedReason: null } },
    });
  });

  test('of another token’s node is refused as one that does not exist', async () => {
    const { id } = await hello({ name: 'mine:1' });
    const other = await plane.newDataPlaneToken();
    const { data } = await plane.ask(ACKNOWLEDGE, { input: { dataPlaneId: id, version: '1' } }, other.token);
    expect(data).toMatchObject({ acknowledgeConfig: { dataPlane: null, userErrors: [{ field: ['dataPlaneId'], code: 'NOT_FOUND' }] } });
  });
});

describe('who may do what', () => {
  test.each([
    ['hello', HELLO, described()],
    ['an acknowledgement', ACKNOWLEDGE, { input: { dataPlaneId: 'dpl_x', version: '1' } }],
  ])('%s is forbidden to administrators', async (_what, mutation, variables) => {
    expect((await plane.ask(mutation, variables)).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' });
  });

  test.each([LIST, '{ viewer { __typename } }', '{ servers { totalCount } }', 'mutation { createApiKey(input: {name: "x", type: ORGANISATION}) { secret } }'])(
    '%s is forbidden to data planes',
    async (query) => {
      expect((await plane.ask(query, {}, token)).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' });
    },
  );

  test('a node of one organisation is seen by that one alone', async () => {
    const [mine, theirs] = [await plane.newOrganisation('mine'), await plane.newOrganisation('theirs')];
    const scoped = await plane.newDataPlaneToken();
    await plane.database.query('update data_plane_tokens set organisation_ids = $1 where id = $2', [[mine.organisationId], scoped.id]);
    await hello({ name: 'private:1' }, scoped.token);
    const names = async (by: string) => (await listed(by)).map(({ name }) => name);
    expect(await names(mine.token)).toContain('private:1');
    expect(await names(theirs.token)).not.toContain('private:1');
  });

  test('a node that fell silent is not ready, and after a day it is forgotten', async () => {
    const { id } = await hello({ name: 'silent:1' });
    await plane.database.query(`update data_planes set last_seen_at = now() - interval '20 seconds' where id = $1`, [id]);
    expect(await listed()).toContainEqual(expect.objectContaining({ id, ready: false }));
    await plane.database.query(`update data_planes set last_seen_at = now() - interval '25 hours' where id = $1`, [id]);
    expect((await listed()).map((node) => node.id)).not.toContain(id);
  });
});
