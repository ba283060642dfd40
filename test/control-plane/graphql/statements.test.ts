/** A list costs as many statements with thirty rows as with two, whatever is selected of each row: made from the schema. */
import pg from 'pg';
import { getNamedType, isObjectType, isRequiredArgument, type GraphQLField, type GraphQLObjectType } from 'graphql';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { makeSchema } from '../../../control-plane/schema.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { selectionOf, type ChooseField } from '../../support/selection.ts';
import { ROWS } from '../access/matrix-rows.ts';
import { rootFields } from '../access/matrix/operation.ts';
import { buildWorld, type World } from '../access/matrix/world.ts';
import { growWorld } from './grown-world.ts';

const FEW = 1;
const MANY = 30;
/** Background work looks at the organisation, too: the fewest of so many runs are those of the query alone. */
const RUNS = 3;
/** Lists that a grown organisation does not lengthen: they come with the product, judge what they are given, or are grown nowhere yet. */
const NOT_GROWN = new Set(['Query.agents', 'Query.catalog', 'Query.installRequests', 'Query.validatePolicy']);
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

async function statementsOf(own: World, path: string, document: (given: object) => string): Promise<{ statements: number; characters: number }> {
  const given = (await ROWS[path]?.smallest(own)) ?? {};
  const counts: number[] = [];
  let characters = 0;
  for (let run = 0; run < RUNS; run++) {
    const spy = vi.spyOn(pg.Client.prototype, 'query');
    const { data, errors } = await own.person.browser.ask(document(given), { ...given, first: MANY + 1 });
    counts.push(statementsFor(own.organisation, spy.mock.calls, spy.mock.contexts));
    spy.mockRestore();
    expect(errors).toBeUndefined();
    characters = JSON.stringify(data).length;
  }
  return { statements: Math.min(...counts), characters };
}

/** Statements in transactions that name the organisation; what goes on in the background names others, or none. */
function statementsFor(organisation: string, calls: readonly (readonly unknown[])[], clients: readonly unknown[]): number {
  const inTransaction = new Map<unknown, number>();
  let statements = 0;
  calls.forEach(([given], index) => {
    const text = typeof given === 'string' ? given : '';
    const client = clients[index];
    if (text.includes("set_config('app.organisation_id'") && text.includes(organisation)) inTransaction.set(client, 0);
    const count = inTransaction.get(client);
    if (count === undefined) return;
    inTransaction.set(client, count + 1);
    if (!/^(?:commit|rollback)/i.test(text)) return;
    statements += count;
    inTransaction.delete(client);
  });
  return statements;
}

test.each(branches)('%s, with %s fields', async (path, _branch, field, node, branch) => {
  const [ofFew, ofMany] = [
    await statementsOf(few, path, (given) => documentOf(field, node, branch, given)),
    await statementsOf(many, path, (given) => documentOf(field, node, branch, given)),
  ];
  expect(ofMany.characters > ofFew.characters || NOT_GROWN.has(path)).toBe(true);
  // One more for a kind of object that the few rows do not point at; one for each row would be many times as many.
  expect(ofMany.statements - ofFew.statements).toBeLessThan(MANY);
  expect(ofMany.statements).toBeGreaterThan(0);
});
