/** How long a query may take: whoever waits hears then that it took too long, and its place is free for others. */
import { execute, getOperationAST, GraphQLError, OperationTypeNode, type ExecutionArgs, type ExecutionResult } from 'graphql/index.js';

const QUERY_MILLIS = 5000;

/**
 * What the work yields, or DEADLINE_EXCEEDED; the statement that it waits for is ended by its own time limit.
 * What changes something is not given up halfway, and what goes on for ever has no deadline.
 */
export async function inTime<Result>(kind: OperationTypeNode | undefined, work: Promise<Result>): Promise<Result> {
  if (kind !== OperationTypeNode.QUERY) return work;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(tooLate()), QUERY_MILLIS);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Executes an operation of a socket. */
export async function executeInTime(args: ExecutionArgs): Promise<ExecutionResult> {
  try {
    return await inTime(getOperationAST(args.document, args.operationName)?.operation, Promise.resolve(execute(args)));
  } catch (error) {
    if (error instanceof GraphQLError) return { errors: [error] };
    throw error;
  }
}

function tooLate(): GraphQLError {
  return new GraphQLError(`the query took longer than ${QUERY_MILLIS / 1000} seconds`, { extensions: { code: 'DEADLINE_EXCEEDED' } });
}
