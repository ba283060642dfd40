/** Whoever changes an object may say which version of it he has seen, and nothing is changed that is another one by then: made from the schema. */
import { getNamedType, isInputObjectType, isObjectType, type GraphQLField } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { PERMISSIONS } from '../../../control-plane/access/permissions.ts';
import { makeSchema } from '../../../control-plane/schema.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { ROWS } from './matrix-rows.ts';
import { byToken, tokenWith, traces, type Ask } from './matrix/askers.ts';
import { operationFor, rootFields } from './matrix/operation.ts';
import { buildWorld, type World } from './matrix/world.ts';

/** No object of these tests comes so far. */
const NEVER = 1_000_000;
/** They answer an object with a version, and change something that has none. */
const CHANGES_ANOTHER = new Map([
  ['Mutation.acceptToolChanges', 'tools, of which it names the fingerprints that were seen'],
  ['Mutation.setToolRisk', 'tools'],
  ['Mutation.setToolsEnabled', 'tools'],
  ['Mutation.disconnectServerOAuth', 'a connection'],
  ['Mutation.installCatalogEntry', 'nothing: it makes a server'],
]);
const toldSchema = z.object({ userErrors: z.array(z.object({ code: z.string(), field: z.array(z.string()).nullable() })) });

const fields = rootFields(makeSchema());
const mutations = [...fields].filter(([path]) => path.startsWith('Mutation.'));
const versioned = mutations.filter(([, field]) => takesVersion(field)).map(([path]) => path);

let plane: TestControlPlane;
let ours: World;
let ask: Ask;

beforeAll(async () => {
  plane = await startTestControlPlane();
  ours = await buildWorld(plane, 'ours');
  ask = byToken(plane, await tokenWith(ours, PERMISSIONS));
});
afterAll(async () => {
  await plane?.close();
  await ours?.upstream.close();
});

function takesVersion({ args }: GraphQLField<unknown, unknown>): boolean {
  return args.some(({ type }) => {
    const input = getNamedType(type);
    return isInputObjectType(input) && 'expectedVersion' in input.getFields();
  });
}

/** Such as an agent, whose version grows with every change; the version of a program is a text. */
function answersVersioned({ type }: GraphQLField<unknown, unknown>): boolean {
  const payload = getNamedType(type);
  if (!isObjectType(payload)) return false;
  return Object.values(payload.getFields()).some((field) => {
    const answered = getNamedType(field.type);
    return isObjectType(answered) && ['version', 'revision'].some((name) => String(answered.getFields()[name]?.type) === 'Int!');
  });
}

test('every mutation that changes or removes an object with a version takes expectedVersion', () => {
  const changing = mutations.filter(([path, field]) => !path.startsWith('Mutation.create') && (answersVersioned(field) || path.startsWith('Mutation.delete')));
  const careless = changing.filter(([path]) => !versioned.includes(path)).map(([path]) => path);
  expect(careless.toSorted()).toEqual([...CHANGES_ANOTHER.keys()].toSorted());
});

test.each(versioned)('%s refuses a version that is none, and nothing changes', async (path) => {
  const { input } = z.object({ input: z.looseObject({}) }).parse(await ROWS[path]?.smallest(ours));
  const before = await traces(plane);
  const { data, errors } = await ask(operationFor(fields, path, { input: { ...input, expectedVersion: NEVER } }));
  expect(errors).toBeUndefined();
  expect(toldSchema.parse(data?.['answer']).userErrors).toMatchObject([{ code: 'STALE_VERSION', field: ['expectedVersion'] }]);
  expect(await traces(plane)).toEqual(before);
});
