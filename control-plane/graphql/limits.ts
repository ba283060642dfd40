/** What an operation may cost before any of it runs: the same over HTTP and over WebSocket. */
import { Kind, type ASTVisitor, type DocumentNode, type GraphQLSchema, type ValidationContext } from 'graphql/index.js';
import { fieldExtensionsEstimator, getComplexity, simpleEstimator } from 'graphql-query-complexity';
import { tooComplex } from './errors.ts';

export const TOKENS_MAX = 2000;
const DEPTH_MAX = 12;
const ALIASES_MAX = 30;
const DIRECTIVES_MAX = 50;
const COMPLEXITY_MAX = 2000;
const PAGE_ASSUMED = 50;

/** Introspection nests deeper than any operation of ours has reason to, and only into the schema. */
const INTROSPECTION = /^__/;

/** Depth with fragments followed, aliases and directives of the whole document. */
export function shapeRule(context: ValidationContext): ASTVisitor {
  let aliases = 0;
  let directives = 0;
  return {
    Field: (node) => {
      if (node.alias !== undefined && ++aliases === ALIASES_MAX + 1) context.reportError(tooComplex(`more than ${ALIASES_MAX} aliases`));
    },
    Directive: () => {
      if (++directives === DIRECTIVES_MAX + 1) context.reportError(tooComplex(`more than ${DIRECTIVES_MAX} directives`));
    },
    OperationDefinition: (node) => {
      if (depthOf(node, context.getDocument(), new Set()) > DEPTH_MAX) context.reportError(tooComplex(`deeper than ${DEPTH_MAX} levels`));
    },
  };
}

/** Throws when the operation asks for too much; lists count as often as they are long. */
export function requireAffordable(schema: GraphQLSchema, query: DocumentNode, variables: Record<string, unknown>, operationName: string | undefined): void {
  const cost = getComplexity({
    schema,
    query,
    variables,
    ...(operationName === undefined ? {} : { operationName }),
    estimators: [fieldExtensionsEstimator(), ({ args, childComplexity }) => ('first' in args ? 1 + childComplexity * pageSize(args['first']) * PAGE_SHARE : undefined), simpleEstimator({ defaultComplexity: 1 })],
  });
  if (cost > COMPLEXITY_MAX) throw tooComplex(`the operation costs ${Math.ceil(cost)}, and ${COMPLEXITY_MAX} is the most`);
}

/** A row of a page costs less than an object that is looked up by itself: it comes with the others, in one statement. */
const PAGE_SHARE = 0.1;

function pageSize(first: unknown): number {
  return typeof first === 'number' && first > 0 ? first : PAGE_ASSUMED;
}

interface Selecting {
  readonly selectionSet?: { readonly selections: readonly unknown[] } | undefined;
}

function depthOf(node: Selecting, document: DocumentNode, spread: Set<string>): number {
  let deepest = 0;
  for (const selection of node.selectionSet?.selections ?? []) {
    if (!isSelection(selection)) continue;
    if (selection.kind === Kind.FIELD && INTROSPECTION.test(selection.name?.value ?? '')) continue;
    deepest = Math.max(deepest, (selection.kind === Kind.FIELD ? 1 : 0) + depthOf(selection.kind === Kind.FRAGMENT_SPREAD ? fragmentOf(selection.name?.value ?? '', document, spread) : selection, document, spread));
  }
  return deepest;
}

/** A fragment that spreads itself is refused by another rule; here it counts once. */
function fragmentOf(name: string, document: DocumentNode, spread: Set<string>): Selecting {
  if (spread.has(name)) return {};
  spread.add(name);
  const fragment = document.definitions.find((definition) => definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === name);
  return fragment !== undefined && 'selectionSet' in fragment ? fragment : {};
}

function isSelection(value: unknown): value is Selecting & { kind: Kind; name?: { value: string } } {
  return typeof value === 'object' && value !== null && 'kind' in value;
}

