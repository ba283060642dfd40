/** What an operation may cost before any of it runs: the same over HTTP and over WebSocket. */
import { Kind, visit, type DocumentNode, type FieldNode, type GraphQLSchema, type SelectionSetNode } from 'graphql/index.js';
import { fieldExtensionsEstimator, getComplexity, simpleEstimator } from 'graphql-query-complexity';
import { badInput, tooComplex } from './errors.ts';
import { isStorable } from './storable-text.ts';

export const TOKENS_MAX = 2000;
const DEPTH_MAX = 12;
const ALIASES_MAX = 30;
const DIRECTIVES_MAX = 50;
const SELECTIONS_MAX = 2000;
const REPEATS_MAX = 20;
const COMPLEXITY_MAX = 2000;
const PAGE_ASSUMED = 50;

/** Throws when a document is deeper, or has more aliases, directives or repetitions, than any operation of ours has reason to. Before it is validated. */
export function requireShape(document: DocumentNode): void {
  let [aliases, directives] = [0, 0];
  visit(document, {
    Field: (node) => void (aliases += node.alias === undefined ? 0 : 1),
    Directive: () => void directives++,
    StringValue: ({ value }) => {
      if (!isStorable(value)) throw badInput('a string of the document holds characters that cannot be stored');
    },
  });
  if (aliases > ALIASES_MAX) throw tooComplex(`more than ${ALIASES_MAX} aliases`);
  if (directives > DIRECTIVES_MAX) throw tooComplex(`more than ${DIRECTIVES_MAX} directives`);
  requireSelections(document);
}

/** Throws when the operation asks for too much; lists count as often as they are long. */
export function requireAffordable(schema: GraphQLSchema, query: DocumentNode, variables: Record<string, unknown>, operationName: string | undefined): void {
  const cost = getComplexity({
    schema,
    query,
    variables,
    ...(operationName === undefined ? {} : { operationName }),
    estimators: [
      fieldExtensionsEstimator(),
      ({ args, childComplexity }) => ('first' in args ? 1 + childComplexity * pageSize(args['last'] ?? args['first']) * PAGE_SHARE : undefined),
      simpleEstimator({ defaultComplexity: 1 }),
    ],
  });
  if (cost > COMPLEXITY_MAX) throw tooComplex(`the operation costs ${Math.ceil(cost)}, and ${COMPLEXITY_MAX} is the most`);
}

/** A row of a page costs less than an object that is looked up by itself: it comes with the others, in one statement. */
const PAGE_SHARE = 0.1;

function pageSize(first: unknown): number {
  return typeof first === 'number' && first > 0 ? first : PAGE_ASSUMED;
}

/**
 * Follows the selections of every operation with its fragments in their places. Validation compares all fields that answer under one
 * name with each other, so a name that is repeated is what makes a small document dear; a fragment that leads back to itself ends here too.
 */
function requireSelections(document: DocumentNode): void {
  const fragments = new Map(
    document.definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION).map((fragment) => [fragment.name.value, fragment]),
  );
  const repeats = new Map<string, number>();
  let followed = 0;
  const follow = ({ selections }: SelectionSetNode, path: string, depth: number): void => {
    for (const selection of selections) {
      if (++followed > SELECTIONS_MAX) throw tooComplex(`more than ${SELECTIONS_MAX} selections with the fragments in their places`);
      if (selection.kind === Kind.FRAGMENT_SPREAD) followSet(fragments.get(selection.name.value)?.selectionSet, path, depth);
      else if (selection.kind === Kind.INLINE_FRAGMENT) follow(selection.selectionSet, path, depth);
      else followField(selection, path, depth);
    }
  };
  const followField = ({ name, alias, selectionSet }: FieldNode, path: string, depth: number): void => {
    // Introspection nests deeper than anything else, and only into the schema.
    const isOfSchema = name.value.startsWith('__');
    if (depth > DEPTH_MAX && !isOfSchema) throw tooComplex(`deeper than ${DEPTH_MAX} levels`);
    const below = `${path}.${(alias ?? name).value}`;
    const count = (repeats.get(below) ?? 0) + 1;
    if (count > REPEATS_MAX) throw tooComplex(`the same field more than ${REPEATS_MAX} times in one place`);
    repeats.set(below, count);
    followSet(selectionSet, below, isOfSchema ? -Infinity : depth + 1);
  };
  const followSet = (set: SelectionSetNode | undefined, path: string, depth: number): void => {
    if (set !== undefined) follow(set, path, depth);
  };
  for (const definition of document.definitions) if (definition.kind === Kind.OPERATION_DEFINITION) follow(definition.selectionSet, '', 1);
}
