/** What is wrong with an operation is told with a code and the request’s id, over HTTP and over WebSocket alike, and no sentence repeats a value or hints at a name. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBothTransports, type Ask, type BothTransports } from '../../support/both-transports.ts';

let transports: BothTransports;

beforeAll(async () => {
  transports = await startBothTransports();
});
afterAll(() => transports?.close());

describe.each([
  ['HTTP', 'overHttp'],
  ['WebSocket', 'overWebSocket'],
] as const)('over %s', (_name, way) => {
  const ask: Ask = (query, variables) => transports[way](query, variables);

  test.each([
    ['a field', '{ viewer { permission } }', {}],
    ['an argument', '{ servers(firs: 1) { totalCount } }', {}],
    ['a type', 'query($a: Strin) { server(slug: $a) { id } }', {}],
    ['an enum value', '{ policies(scope: [TEAMS]) { id } }', {}],
    ['a field of a variable', 'mutation($input: IdInput!) { revokeApiKey(input: $input) { userErrors { code } } }', { input: { id: 'x', expectedVersio: 1 } }],
    ['an enum value of a variable', 'query($s: [PolicyScope!]) { policies(scope: $s) { id } }', { s: ['TEAMS'] }],
  ])('%s that is nearly right is refused without saying what would be', async (_what, query, variables) => {
    const errors = await ask(query, variables);
    expect(errors.length).toBeGreaterThan(0);
    expect(JSON.stringify(errors)).not.toMatch(/did you mean/i);
  });

  test.each([
    ['a syntax error', '{ viewer { ', {}, 'GRAPHQL_PARSE_FAILED'],
    ['an unknown field', '{ nothing }', {}, 'GRAPHQL_VALIDATION_FAILED'],
    ['a missing variable', 'query($id: ID!) { server(id: $id) { id } }', {}, 'BAD_USER_INPUT'],
    ['nobody knows which of two', 'query A { __typename } query B { __typename }', {}, 'OPERATION_RESOLUTION_FAILURE'],
    ['text that cannot be stored', 'query($s: String) { server(slug: $s) { id } }', { s: 'a\0b' }, 'BAD_USER_INPUT'],
    ['such text in the document', String.raw`{ server(slug: "a\u0000b") { id } }`, {}, 'BAD_USER_INPUT'],
    ['half of a surrogate pair', 'query($s: String) { server(slug: $s) { id } }', { s: '\ud800' }, 'BAD_USER_INPUT'],
  ])('%s has a code and the request’s id', async (_what, query, variables, code) => {
    const [error] = await ask(query, variables);
    expect(error?.extensions).toMatchObject({ code, requestId: expect.stringMatching(/^req_/) });
    expect(JSON.stringify(error)).not.toContain('stacktrace');
  });

  test.each([
    ['a misspelt field', { id: 's', auth: { bearer: { tokn: 'canary-echo' } } }],
    ['a string for an object', { id: 's', auth: 'canary-echo' }],
    ['an object for a string', { id: { nested: 'canary-echo' }, auth: { none: true } }],
    ['a list for a secret', { id: 's', auth: { bearer: { token: ['canary-echo'] } } }],
    ['two ways at once', { id: 's', auth: { none: true, bearer: { token: 'canary-echo' } } }],
    ['a string for a boolean', { id: 's', auth: { none: 'canary-echo' } }],
    ['something that does not belong there', { id: 's', auth: { none: true }, password: 'canary-echo' }],
  ])('%s is refused without being repeated', async (_what, input) => {
    const errors = await ask('mutation($input: SetServerAuthInput!) { setServerAuth(input: $input) { userErrors { code } } }', { input });
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(errors[0]?.message).toContain('$input');
    expect(JSON.stringify(errors)).not.toContain('canary');
  });

  test.each(['auth: "canary-echo"', 'auth: {bearer: {token: 7}}', 'auth: {bearer: "canary-echo"}', 'auth: {none: "canary-echo"}', 'auth "canary-echo"'])(
    '{%s} in the document is refused without being repeated',
    async (literal) => {
      const errors = await ask(`mutation { setServerAuth(input: {id: "s", ${literal}}) { userErrors { code } } }`);
      expect(errors.length).toBeGreaterThan(0);
      expect(JSON.stringify(errors)).not.toContain('canary');
    },
  );
});
