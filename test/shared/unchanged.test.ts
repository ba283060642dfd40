/** What is taken as it is, is what the schema would have made of it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { accessGrantUpsertSchema, apiKeyUpsertSchema } from '../../shared/config-document.ts';
import { compileUnchanged } from '../../shared/unchanged.ts';

const key = {
  op: 'upsert',
  kind: 'apiKey',
  value: {
    id: 'key_1',
    organisationId: 'org_1',
    type: 'USER',
    name: 'an agent',
    prefix: 'vk_1',
    teamId: null,
    userId: 'user_1',
    userDomain: 'example.com',
    hashes: [
      { hash: 'a', validUntilMillis: null },
      { hash: 'b', validUntilMillis: 5 },
    ],
    state: 'ACTIVE',
    expiresAtMillis: null,
    denialStyle: 'AUTO',
    agentId: null,
  },
};
const grant = {
  op: 'upsert',
  kind: 'accessGrant',
  value: { id: 'grant_1', organisationId: 'org_1', apiKeyId: 'key_1', mcpServerId: 'srv_1', toolsAllowed: ['read'], expiresAtMillis: 7 },
};
const documents = [
  { schema: apiKeyUpsertSchema, whole: key },
  { schema: accessGrantUpsertSchema, whole: grant },
];

const junk = fc.oneof(
  fc.constantFrom(undefined, null, true, 0, -0, NaN, Infinity, '', 'ACTIVE', 'USER', [], {}, [null], [{ hash: 'a' }], [{ hash: 'a', validUntilMillis: NaN }]),
  fc.jsonValue(),
);
const name = fc.constantFrom(...Object.keys(key.value), ...Object.keys(grant.value), 'extra', '__proto__', 'constructor', 'toString');

test.each(documents)('a whole document is taken as it is, which is what the schema makes of it', ({ schema, whole }) => {
  const document: unknown = JSON.parse(JSON.stringify(whole));
  expect(compileUnchanged(schema)(document)).toBe(true);
  expect(schema.parse(document)).toEqual(document);
});

test.each(documents)('nothing is taken as it is that the schema refuses or changes', ({ schema, whole }) => {
  const isUnchanged = compileUnchanged(schema);
  fc.assert(
    fc.property(fc.array(fc.record({ name, value: junk, isGone: fc.boolean() }), { maxLength: 3 }), (edits) => {
      const value = new Map<string, unknown>(Object.entries(whole.value));
      for (const edit of edits) {
        if (edit.isGone) value.delete(edit.name);
        else value.set(edit.name, edit.value);
      }
      const document = { ...whole, value: Object.fromEntries(value) };
      const reading = schema.safeParse(document);
      if (isUnchanged(document)) expect(reading).toEqual({ success: true, data: document });
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['a default that is missing', z.strictObject({ a: z.string().default('x') }), {}],
  ['a member too many', z.strictObject({ a: z.string() }), { a: 'x', b: 1 }],
  ['a member that would be left out', z.object({ a: z.string() }), { a: 'x', b: 1 }],
  ['what a rule refuses', z.strictObject({ a: z.string().max(1) }), { a: 'xx' }],
  ['what a rule of the whole refuses', z.strictObject({ a: z.string() }).refine(() => false), { a: 'x' }],
  ['what would be rewritten', z.strictObject({ a: z.string().trim() }), { a: ' x' }],
  ['what would become another type', z.strictObject({ a: z.coerce.string() }), { a: 1 }],
  ['a list where there is an object', z.strictObject({}), []],
  ['a number that is none', z.number(), NaN],
  ['a fraction where there is a whole number', z.int(), 0.5],
  ['text that is no address', z.url(), 'x'],
])('%s is not taken as it is', (_what, schema, value) => {
  expect(compileUnchanged(schema)(value)).toBe(false);
});

test.each([
  ['whole numbers', z.int(), 5],
  ['addresses', z.url(), 'https://example.com/'],
  ['text by a rule', z.string().regex(/^a+$/), 'aa'],
  ['one of several values', z.literal(['a', 2]), 2],
])('%s are taken as they are', (_what, schema, value) => {
  expect(compileUnchanged(schema)(value)).toBe(true);
});
