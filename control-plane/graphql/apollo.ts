/** Apollo Server with our limits before an operation runs, and our form of every error after it. */
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import { OperationTypeNode, type GraphQLSchema } from 'graphql/index.js';
import type { Logger } from 'pino';
import { newId } from '../../shared/ids.ts';
import { introspectionRefusal, type IntrospectionMode } from '../access/introspection.ts';
import { requireNoForgery, type RequestContext } from '../request-context.ts';
import { formatError } from './errors.ts';
import { requireAffordable, TOKENS_MAX } from './limits.ts';
import { requireVariables } from './variables.ts';

export interface ApolloParts {
  readonly schema: GraphQLSchema;
  readonly introspection: IntrospectionMode;
  readonly log: Logger;
}

export async function startApollo({ schema, introspection, log }: ApolloParts): Promise<ApolloServer<RequestContext>> {
  const apollo = new ApolloServer<RequestContext>({
    schema,
    // Judged for each caller below.
    introspection: true,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    // What is asked must stand in the request: it is judged before Apollo would fetch it by its hash.
    persistedQueries: false,
    includeStacktraceInErrorResponses: false,
    hideSchemaDetailsFromClientErrors: false,
    parseOptions: { maxTokens: TOKENS_MAX },
    stopOnTerminationSignals: false,
    // What is refused before there is an operation reaches no plugin.
    formatError: (formatted, error) => (formatted.extensions?.['code'] === 'BAD_REQUEST' ? formatError(formatted, error, newId('request'), log) : formatted),
    plugins: [
      ApolloServerPluginLandingPageDisabled(),
      {
        requestDidStart: ({ contextValue }) =>
          Promise.resolve({
            didResolveOperation: ({ document, request, operation, operationName }) => {
              if (operation?.operation === OperationTypeNode.MUTATION) requireNoForgery(contextValue);
              const refusal = introspectionRefusal(document, contextValue.caller, introspection);
              if (refusal !== undefined) throw refusal;
              const variables = request.variables ?? {};
              requireVariables(schema, document, variables, operationName ?? undefined);
              requireAffordable(schema, document, variables, operationName ?? undefined);
              return Promise.resolve();
            },
            willSendResponse: ({ response, errors }) => {
              if (response.body.kind !== 'single' || response.body.singleResult.errors === undefined) return Promise.resolve();
              const { singleResult } = response.body;
              // What was refused before it ran is the caller's to mend; the library takes our own refusals for its failures.
              if (singleResult.data === undefined && response.http.status === 500) response.http.status = 400;
              singleResult.errors = (singleResult.errors ?? []).map((formatted, index) => formatError(formatted, errors?.[index], contextValue.requestId, log));
              return Promise.resolve();
            },
          }),
      },
    ],
  });
  await apollo.start();
  return apollo;
}
