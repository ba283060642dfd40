/** Looks at an operation that comes over HTTP before Apollo does, which would validate it first, and that a small document can make long. */
import { getOperationAST, GraphQLError, parse, type DocumentNode, type OperationTypeNode } from 'graphql/index.js';
import { z } from 'zod';
import { requireShape, TOKENS_MAX } from './limits.ts';

const askedSchema = z.object({ query: z.string(), operationName: z.string().nullish() });

/** Where an operation may stand in a request. */
export interface AskedOverHttp {
  readonly method: string;
  readonly body: unknown;
  readonly search: string;
}

/** Throws when the document is too complex; answers the kind of its operation, and undefined when Apollo will find that there is none. */
export function lookAhead({ method, body, search }: AskedOverHttp): OperationTypeNode | undefined {
  // Where Apollo reads it, and nowhere else: a GET has its operation in the URL, whatever body it sends along.
  const { data: asked } = askedSchema.safeParse(method === 'GET' ? Object.fromEntries(new URLSearchParams(search)) : body);
  const document = asked === undefined ? undefined : parsed(asked.query);
  if (document === undefined) return undefined;
  requireShape(document);
  return getOperationAST(document, asked?.operationName)?.operation;
}

function parsed(query: string): DocumentNode | undefined {
  try {
    return parse(query, { maxTokens: TOKENS_MAX });
  } catch (error) {
    // Apollo parses it again, and tells the caller what is wrong.
    if (error instanceof GraphQLError) return undefined;
    throw error;
  }
}
