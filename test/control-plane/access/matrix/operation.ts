/** Writes the operation that asks for one field of the schema, with everything selected that comes without further arguments. */
import { assertObjectType, type GraphQLField, type GraphQLSchema } from 'graphql';
import { selectionOf } from '../../../support/selection.ts';
import type { Arguments } from './row.ts';

export interface Operation {
  readonly query: string;
  readonly variables: Record<string, unknown>;
}

const ROOTS = ['Query', 'Mutation', 'Subscription'] as const;
const SELECTED_LEVELS = 2;

/** All fields of the roots, as `Query.viewer`. */
export type RootFields = ReadonlyMap<string, GraphQLField<unknown, unknown>>;

export function rootFields(schema: GraphQLSchema): RootFields {
  const ofRoot = (root: string) => Object.values(assertObjectType(schema.getType(root)).getFields());
  return new Map(ROOTS.flatMap((root) => ofRoot(root).map((field) => [`${root}.${field.name}`, field] as const)));
}

/** The answer stands under the name `answer`. */
export function operationFor(fields: RootFields, path: string, given: Arguments): Operation {
  const field = fields.get(path);
  if (field === undefined) throw new Error(`the schema has no ${path}`);
  const used = field.args.filter(({ name }) => name in given);
  const declared = used.map(({ name, type }) => `$${name}: ${String(type)}`).join(', ');
  const passed = used.map(({ name }) => `${name}: $${name}`).join(', ');
  const inBraces = (text: string) => (text === '' ? '' : `(${text})`);
  const kind = path.slice(0, path.indexOf('.')).toLowerCase();
  return {
    query: `${kind}${inBraces(declared)} { answer: ${field.name}${inBraces(passed)}${selectionOf(field.type, SELECTED_LEVELS)} }`,
    variables: { ...given },
  };
}
