/** What an operation may cost before any of it runs: the same over HTTP and over WebSocket. */
import { Kind, visit, type DocumentNode, type GraphQLSchema, type SelectionNode, type SelectionSetNode } from 'graphql/index.js';
import { fieldExtensionsEstimator, getComplexity, simpleEstimator } from 'graphql-query-complexity';
import { badInput, tooComplex } from './errors.ts';
import { isStorable } from './storable-text.ts';

export const TOKENS_MAX = 2000;
const DEPTH_MAX = 12;
const ALIASES_MAX = 30;
const DIRECTIVES_MAX = 50;
const COMPLEXITY_MAX = 2000;
const PAGE_ASSUMED = 50;

/** Throws when a valid document is deeper, or has more aliases or directives, than any operation of ours has reason to be. */
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
  if (deepestOf(document) > DEPTH_MAX) throw tooComplex(`deeper than ${DEPTH_MAX} levels`);
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

/** Levels of the deepest operation with its fragments followed. Validation has made sure that none leads back to itself. */
function deepestOf(document: DocumentNode): number {
  const fragments = new Map(
    document.definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION).map((fragment) => [fragment.name.value, fragment]),
  );
  const known = new Map<string, number>();
  const ofFragment = (name: string): number => {
    const depth = known.get(name) ?? ofSelections(fragments.get(name)?.selectionSet);
    known.set(name, depth);
    return depth;
  };
  const ofSelection = (selection: SelectionNode): number => {
    switch (selection.kind) {
      case Kind.FRAGMENT_SPREAD:
        return ofFragment(selection.name.value);
      case Kind.INLINE_FRAGMENT:
        return ofSelections(selection.selectionSet);
      case Kind.FIELD:
        // Introspection nests deeper than anything else, and only into the schema.
        return selection.name.value.startsWith('__') ? 0 : 1 + ofSelections(selection.selectionSet);
    }
  };
  const ofSelections = (set: SelectionSetNode | undefined): number => Math.max(0, ...(set?.selections.map(ofSelection) ?? []));
  return Math.max(0, ...document.definitions.map((definition) => (definition.kind === Kind.OPERATION_DEFINITION ? ofSelections(definition.selectionSet) : 0)));
}
