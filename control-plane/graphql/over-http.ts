/** Executes an operation that came over HTTP; a change that is sent again under the key of an earlier one gets the answer of that. */
import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { HeaderMap, type ApolloServer } from '@apollo/server';
import { OperationTypeNode } from 'graphql/index.js';
import type { OperationAnswer } from '../idempotency/idempotent-answers.ts';
import { readIdempotencyKey } from '../idempotency/idempotency-key.ts';
import { requireNoForgery, type RequestContext } from '../request-context.ts';
import { inTime } from './deadline.ts';
import { badInput } from './errors.ts';

export interface HttpOperation {
  /** Undefined when there is none to execute. */
  readonly kind: OperationTypeNode | undefined;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly search: string;
  readonly body: { readonly value: unknown; readonly text: string };
}

export async function executeOverHttp(apollo: ApolloServer<RequestContext>, context: RequestContext, operation: HttpOperation): Promise<OperationAnswer> {
  const { kind, headers, body } = operation;
  // Executed like a query it would begin nothing, and show its resolver an event that never was.
  if (kind === OperationTypeNode.SUBSCRIPTION) throw badInput('a subscription goes over a WebSocket, as graphql-transport-ws');
  const key = kind === OperationTypeNode.MUTATION ? readIdempotencyKey(headers['idempotency-key']) : undefined;
  if (key === undefined) return inTime(kind, execute(apollo, context, operation));
  // What was answered before is the caller's as well, and Apollo does not look at it again.
  requireNoForgery(context);
  return context.services.idempotentAnswers.once(context, { key, body: body.text }, (claimed) => execute(apollo, claimed, operation));
}

async function execute(apollo: ApolloServer<RequestContext>, context: RequestContext, operation: HttpOperation): Promise<OperationAnswer> {
  const { method, search, body } = operation;
  const headers = new HeaderMap();
  for (const [name, value] of Object.entries(operation.headers)) if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  const answer = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { method, headers, search, body: body.value },
    context: () => Promise.resolve(context),
  });
  assert(answer.body.kind === 'complete', 'no field of the schema is answered later than the others');
  return { status: answer.status ?? 200, headers: [...answer.headers], body: answer.body.string };
}
