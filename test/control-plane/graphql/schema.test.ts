/** `schema.graphql` is what the resolvers say, and everything in it is described. */
import { readFile } from 'node:fs/promises';
import { isEnumType, isInputObjectType, isObjectType } from 'graphql';
import { expect, test } from 'vitest';
import { printedSchema, SCHEMA_FILE } from '../../../control-plane/print-schema.ts';
import { makeSchema } from '../../../control-plane/schema.ts';

test('schema.graphql is up to date; `npm run schema` writes it', async () => {
  expect(await readFile(SCHEMA_FILE, 'utf8')).toBe(printedSchema());
});

test('every type and every field has a description', () => {
  const roots = ['Query', 'Mutation', 'Subscription'];
  const types = Object.values(makeSchema().getTypeMap()).filter(({ name }) => !name.startsWith('__'));
  const bare = types.flatMap((type) => {
    const fields = isObjectType(type) || isInputObjectType(type) ? Object.values(type.getFields()) : [];
    return [type, ...fields.map((field) => ({ name: `${type.name}.${field.name}`, description: field.description }))]
      .filter(({ name, description }) => !description && !roots.includes(name))
      .map(({ name }) => name);
  });
  expect(bare).toEqual([]);
});

test('no output is a secret, and no two types differ in nothing but case', () => {
  const types = Object.values(makeSchema().getTypeMap());
  const outputs = types
    .filter(isObjectType)
    .flatMap((type) => Object.values(type.getFields()).map((field) => `${type.name}.${field.name}: ${String(field.type)}`));
  expect(outputs.filter((field) => /: \[?Secret\b/.test(field))).toEqual([]);
  expect(new Set(types.map(({ name }) => name.toLowerCase())).size).toBe(types.length);
});

test('enums are in capitals', () => {
  const values = Object.values(makeSchema().getTypeMap())
    .filter((type) => isEnumType(type) && !type.name.startsWith('__'))
    .flatMap((type) => (isEnumType(type) ? type.getValues().map(({ name }) => name) : []));
  expect(values.filter((name) => !/^[A-Z][A-Z0-9_]*$/.test(name))).toEqual([]);
});
