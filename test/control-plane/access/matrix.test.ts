/** Every operation × everybody who might ask: made from the schema, so that a new operation cannot be forgotten. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { PERMISSIONS, type Permission } from '../../../control-plane/access/permissions.ts';
import { makeSchema } from '../../../control-plane/schema.ts';
import { newMember } from '../../support/browser.ts';
import { startTestControlPlane, type GraphqlAnswer, type TestControlPlane } from '../../support/control-plane.ts';
import { FIELDS, ROWS } from './matrix-rows.ts';
import { allBut, byPerson, byToken, byVisitor, makeStrangers, tokenWith, traces, type Ask, type Strangers } from './matrix/askers.ts';
import { operationFor, rootFields } from './matrix/operation.ts';
import { isPermission, type Arguments, type Row } from './matrix/row.ts';
import { buildWorld, isAbout, unknownIds, type World } from './matrix/world.ts';

const schema = makeSchema();
const fields = rootFields(schema);
/** Those that are answered at once; subscriptions have their own test. */
const answered = Object.entries(ROWS).filter(([path]) => !path.startsWith('Subscription.'));
/** They count and name nothing, have nobody to ask here, tell of the schema, or need more than just to be asked before they show more than one's own. */
const NAMELESS = [
  'Query.validateSemanticFilter',
  'Query.validatePolicy',
  'Query.usageDeadLetters',
  'Query.explainAccess',
  'Query.schemaInfo',
  'Query.installRequests',
];
const payloadSchema = z.object({ userErrors: z.array(z.object({ code: z.string() })) });

let plane: TestControlPlane;
let ours: World;
let theirs: World;
let strangers: Strangers;

beforeAll(async () => {
  plane = await startTestControlPlane();
  ours = await buildWorld(plane, 'ours');
  theirs = await buildWorld(plane, 'theirs');
  strangers = await makeStrangers(ours);
});
afterAll(async () => {
  await plane?.close();
  for (const { upstream } of [ours, theirs]) await upstream?.close();
});

function askFor(path: string, given: Arguments, ask: Ask): Promise<GraphqlAnswer> {
  return ask(operationFor(fields, path, given));
}

/** Whoever has exactly what the row asks for. */
async function rightful({ needs }: Row, own: World): Promise<Ask> {
  if (needs === 'EVERYBODY') return byVisitor(plane);
  if (needs === 'PERSON') return byPerson(own.person);
  if (needs === 'DATA_PLANE') return byToken(plane, own.dataPlaneToken);
  return byToken(plane, await tokenWith(own, isPermission(needs) ? [needs] : []));
}

describe('the table', () => {
  test('has a row for every query, mutation and subscription; the top of matrix-rows.ts says how to add one', () => {
    expect(Object.keys(ROWS).toSorted()).toEqual([...fields.keys()].toSorted());
  });

  test('says what the description of each operation says', () => {
    const needed = (path: string) => /\bNeeds ([A-Z_]+)\./.exec(fields.get(path)?.description ?? '')?.[1];
    const inTable = Object.entries(ROWS).map(([path, { needs }]) => [path, isPermission(needs) ? needs : undefined]);
    expect(inTable).toEqual(Object.keys(ROWS).map((path) => [path, needed(path)]));
  });

  test('has a row in FIELDS for every other field that needs a permission', () => {
    const types = Object.values(schema.getTypeMap()).filter(({ name }) => !['Query', 'Mutation', 'Subscription'].includes(name));
    const needy = types.flatMap((type) =>
      'getFields' in type
        ? Object.values(type.getFields()).flatMap((field) => (/\bNeeds [A-Z_]+\./.test(field.description ?? '') ? [`${type.name}.${field.name}`] : []))
        : [],
    );
    expect(Object.keys(FIELDS).toSorted()).toEqual(needy.toSorted());
  });
});

async function refusalOf(path: string, given: Arguments, ask: Ask) {
  const { data, errors } = await askFor(path, given, ask);
  expect(data?.['answer'] ?? null).toBeNull();
  return errors?.[0]?.extensions;
}

/** Those who are known and may do much, but not this. */
async function lacking({ needs }: Row): Promise<Ask[]> {
  const everyPermission = byToken(plane, await tokenWith(ours, PERMISSIONS));
  const dataPlane = byToken(plane, ours.dataPlaneToken);
  if (needs === 'DATA_PLANE') return [everyPermission];
  if (needs === 'PERSON') return [dataPlane, everyPermission];
  return [dataPlane];
}

test.each(answered.filter(([, { needs }]) => needs !== 'EVERYBODY'))(
  '%s refuses strangers and callers of another kind, and nothing changes',
  async (path, row) => {
    const given = await row.smallest(ours);
    const before = await traces(plane);
    const { expiredToken, suspended, expired } = strangers;
    for (const ask of [byVisitor(plane), byToken(plane, expiredToken), byPerson(suspended), byPerson(expired)])
      expect(await refusalOf(path, given, ask)).toMatchObject({ code: 'UNAUTHENTICATED' });
    for (const ask of await lacking(row)) expect(await refusalOf(path, given, ask)).toMatchObject({ code: 'FORBIDDEN', permission: expect.any(String) });
    expect(await traces(plane)).toEqual(before);
  },
);

test.each(answered.flatMap(([path, row]) => (isPermission(row.needs) ? [[path, row.needs, row.smallest] as const] : [])))(
  '%s refuses whoever has every permission but %s, and nothing changes',
  async (path, permission, smallest) => {
    const given = await smallest(ours);
    const before = await traces(plane);
    for (const ask of [byToken(plane, await tokenWith(ours, allBut(permission))), byPerson(strangers.powerless)])
      expect(await refusalOf(path, given, ask)).toMatchObject({ code: 'FORBIDDEN', permission });
    expect(await traces(plane)).toEqual(before);
  },
);

test.each(answered)('%s takes whoever has just what it needs, and shows nothing of another organisation', async (path, row) => {
  const person = row.needs === 'PERSON' ? await newMember(plane, `${path.toLowerCase()}@example.com`, 'USER', ours.admin) : ours.person;
  const own = { ...ours, person };
  const { data, errors } = await askFor(path, await row.smallest(own), await rightful(row, own));
  expect(errors).toBeUndefined();
  expect(userErrorCodes(data?.['answer'])).toEqual(row.expecting);
  expect(isAbout(theirs, data)).toBe(false);
});

test.each(answered.filter(([path]) => path.startsWith('Query.') && !NAMELESS.includes(path)))('%s shows everybody their own', async (path, row) => {
  const { data } = await askFor(path, await row.smallest(theirs), await rightful(row, theirs));
  expect(isAbout(theirs, data)).toBe(true);
});

const withForeignIds = answered.flatMap(([path, row]) => row.foreign.map((given, index) => [path, index, row, given] as const));
test.each(withForeignIds)('%s takes an id of others (%d) for one that does not exist, and nothing changes', async (path, _index, row, given) => {
  // With every permission, for some ids want more of them than the field itself.
  const ask = isPermission(row.needs) ? byToken(plane, await tokenWith(ours, PERMISSIONS)) : await rightful(row, ours);
  const before = await traces(plane);
  const about = await askFor(path, given(theirs, ours), ask);
  expect(about.errors).toBeUndefined();
  const isPayload = payloadSchema.safeParse(about.data?.['answer']).success;
  expect(isPayload || path.startsWith('Query.')).toBe(true);
  expect(userErrorCodes(about.data?.['answer'])).toEqual(isPayload ? ['NOT_FOUND'] : []);
  expect(withoutIds(about)).toBe(withoutIds(await askFor(path, given(unknownIds(), ours), ask)));
  expect(await traces(plane)).toEqual(before);
});

/** Of a payload; what a query answers has none. */
function userErrorCodes(answer: unknown): string[] {
  return payloadSchema.safeParse(answer).data?.userErrors.map(({ code }) => code) ?? [];
}

/** The answer as it was sent, but for what differs between any two. */
function withoutIds(answer: GraphqlAnswer): string {
  return JSON.stringify(answer).replaceAll(/\b[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}\b/g, 'id');
}

describe.each(Object.entries(FIELDS))('%s', (_path, { needs, document }) => {
  test('is refused to whoever may ask for everything else, and given to whoever has just that', async () => {
    const answerTo = async (permissions: readonly Permission[]) => plane.ask(document, {}, await tokenWith(ours, permissions));
    expect((await answerTo(allBut(needs))).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', permission: needs });
    expect((await answerTo([needs])).errors).toBeUndefined();
  });
});
