/** What went wrong inside is for the log; outside it has a code, the request's id, and a sentence that gives nothing away. */
import { GraphQLError } from 'graphql';
import { expect, test } from 'vitest';
import { formatError } from '../../../control-plane/graphql/errors.ts';
import { recordingLog } from '../../support/recording-log.ts';

class DatabaseError extends Error {
  readonly code: string;

  constructor(code: string) {
    super('canary: insert into api_keys');
    this.code = code;
  }
}

test.each([
  ['a bug', new Error('canary'), 'INTERNAL_SERVER_ERROR'],
  ['text that cannot be stored', new DatabaseError('22021'), 'BAD_USER_INPUT'],
  ['two changes in each other’s way', new DatabaseError('40P01'), 'CONFLICT'],
  ['a database that is away', new DatabaseError('ECONNREFUSED'), 'SERVICE_UNAVAILABLE'],
  ['any other fault of the database', new DatabaseError('42P01'), 'INTERNAL_SERVER_ERROR'],
])('%s is told by its code, and its cause is in the log under the request’s id', (_what, cause, code) => {
  const { log, lines } = recordingLog();
  const error = new GraphQLError(cause.message, { originalError: cause, extensions: { code: 'INTERNAL_SERVER_ERROR', stacktrace: ['canary'] } });
  const told = formatError(error.toJSON(), error, 'req_1', log);
  expect(told.extensions).toEqual({ code, requestId: 'req_1' });
  expect(JSON.stringify(told)).not.toContain('canary');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('canary');
  expect(lines[0]).toContain('req_1');
});
