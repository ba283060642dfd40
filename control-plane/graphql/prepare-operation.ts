/** Parses and judges an operation that comes over a socket as Apollo does one over HTTP, before any of it runs. */
import { getOperationAST, GraphQLError, parse, validate, type DocumentNode, type GraphQLSchema } from 'graphql/index.js';
import { requireAffordable, requireShape, TOKENS_MAX } from './limits.ts';
import { requireVariables } from './variables.ts';

export interface OperationPayload {
  readonly query: string;
  readonly variables?: Record<string, unknown> | null | undefined;
  readonly operationName?: string | null | undefined;
}

export interface PreparedOperation {
  readonly document: DocumentNode;
  readonly variableValues: Record<string, unknown>;
  readonly operationName?: string;
}

/** Answers the errors instead when the operation may not run. */
export function prepareOperation(schema: GraphQLSchema, payload: OperationPayload): PreparedOperation | GraphQLError[] {
  try {
    const document = parseDocument(payload.query);
    requireShape(document);
    const errors = validate(schema, document);
    if (errors.length > 0) return errors.map((error) => withCode(error, 'GRAPHQL_VALIDATION_FAILED'));
    const variableValues = payload.variables ?? {};
    const operationName = payload.operationName ?? undefined;
    if (getOperationAST(document, operationName) == null)
      return [withCode(new GraphQLError('name one operation of the document'), 'OPERATION_RESOLUTION_FAILURE')];
    requireVariables(schema, document, variableValues, operationName);
    requireAffordable(schema, document, variableValues, operationName);
    return { document, variableValues, ...(operationName === undefined ? {} : { operationName }) };
  } catch (error) {
    if (error instanceof GraphQLError) return [error];
    throw error;
  }
}

function parseDocument(query: string): DocumentNode {
  try {
    return parse(query, { maxTokens: TOKENS_MAX });
  } catch (error) {
    throw error instanceof GraphQLError ? withCode(error, 'GRAPHQL_PARSE_FAILED') : error;
  }
}

/** A code that one of our own rules has given stays. */
function withCode(error: GraphQLError, code: string): GraphQLError {
  return new GraphQLError(error.message, { extensions: { code, ...error.extensions } });
}
