/** A list costs as many statements with thirty rows as with two, whatever is selected of each row: made from the schema. */
import { getNamedType, isObjectType, isRequiredArgument, type GraphQLField, type GraphQLObjectType } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeSchema } from '../../../control-plane/schema.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { selectionOf, type ChooseField } from '../../support/selection.ts';
import { statementsDuring } from '../../support/statements.ts';
import { ROWS } from '../access/matrix-rows.ts';
import { rootFields } from '../access/matrix/operation.ts';
import { buildWorld, type World } from '../access/matrix/world.ts';
import { growWorld } from './grown-world.ts';

const FEW = 1;
const MANY = 30;
/** It judges what it is given, however large the organisation is. */
const NOT_GROWN = new Set(['Query.validatePolicy']);
/** With what fields below the roots are asked that want to be told something. */
const ARGUMENTS: Readonly<Record<string, string>> = { range: '{}', first: String(MANY + 1) };

const fields = rootFields(makeSchema());
const lists = [...fields].flatMap(([path, field]) => {
  const node = path.startsWith('Query.') ? nodeOf(field) : undefined;
  return node === undefined ? [] : [[path, field, node] as const];
});
const branches = lists.flatMap(([path, field, node]) => {
  const objects = Object.values(node.getFields()).filter(({ type }) => isObjectType(getNamedType(type)));
  // A facet's own field says what was asked for; what grows are its values.
  const own = path === 'Query.usageFacets' ? [] : [[path, 'its own', field, node, undefined] as const];
  return [...own, ...objects.map((branch) => [path, branch.name, field, node, branch] as const)];
});

let plane: TestControlPlane;
let few: World;
let many: World;

beforeAll(async () => {
  plane = await startTestControlPlane();
  few = await buildWorld(plane, 'few');
  many = await buildWorld(plane, 'many');
  await growWorld(few, FEW);
  await growWorld(many, MANY);
});
afterAll(async () => {
  await plane?.close();
  for (const { upstream } of [few, many]) await upstream?.close();
});

/** What a list is a list of. */
function nodeOf(field: GraphQLField<unknown, unknown>): GraphQLObjectType | undefined {
  const answer = getNamedType(field.type);
  if (!isObjectType(answer)) return undefined;
  const nodes = answer.getFields()['nodes'];
  const node = nodes === undefined ? answer : getNamedType(nodes.type);
  return isObjectType(node) && String(nodes?.type ?? field.type).startsWith('[') ? node : undefined;
}

const withArguments: ChooseField = (owner, { name, args }) => {
  const given = args.filter((argument) => isRequiredArgument(argument) || argument.name in ARGUMENTS);
  for (const argument of given)
    if (!(argument.name in ARGUMENTS)) throw new Error(`ARGUMENTS does not say with which ${argument.name} ${owner}.${name} is asked`);
  return given.length === 0 ? name : `${name}(${given.map((argument) => `${argument.name}: ${ARGUMENTS[argument.name]}`).join(', ')})`;
};

/** Selects one branch of each node two levels deep, or the scalars of the node. */
function documentOf(field: GraphQLField<unknown, unknown>, node: GraphQLObjectType, branch: GraphQLField<unknown, unknown> | undefined, given: object): string {
  const used = field.args.filter(({ name }) => name in given || name === 'first');
  const declared = used.map(({ name, type }) => `$${name}: ${String(type)}`).join(', ');
  const passed = used.map(({ name }) => `${name}: $${name}`).join(', ');
  const ofNode = branch === undefined ? selectionOf(node, 0) : ` { ${withArguments(node.name, branch)}${selectionOf(branch.type, 1, withArguments)} }`;
  const isPage = getNamedType(field.type) !== node;
  const inBraces = (text: string) => (text === '' ? '' : `(${text})`);
  return `query${inBraces(declared)} { answer: ${field.name}${inBraces(passed)}${isPage ? ` { nodes${ofNode} }` : ofNode} }`;
}

async function askAll(own: World, path: string, document: (given: object) => string): Promise<{ statements: string[]; characters: number }> {
  const given = (await ROWS[path]?.smallest(own)) ?? {};
  let characters = 0;
  const statements = await statementsDuring(async () => {
    const { data, errors } = await own.person.browser.ask(document(given), { ...given, first: MANY + 1 });
    expect(errors).toBeUndefined();
    characters = JSON.stringify(data).length;
  });
  return { statements, characters };
}

test.each(branches)('%s, with %s fields', async (path, _branch, field, node, branch) => {
  const [ofFew, ofMany] = [
    await askAll(few, path, (given) => documentOf(field, node, branch, given)),
    await askAll(many, path, (given) => documentOf(field, node, branch, given)),
  ];
  expect(ofMany.characters > ofFew.characters || NOT_GROWN.has(path)).toBe(true);
  expect(ofMany.statements.length, ofMany.statements.join('\n')).toBe(ofFew.statements.length);
  expect(ofMany.statements.length).toBeGreaterThan(0);
});
