/** An operation that asks for too much is refused before any of it runs, over HTTP and over WebSocket alike, and no error repeats a value. */
import type { Client } from 'graphql-ws';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { askOverHttp, askOverSocket, errorsSchema, socketClient, type Ask } from '../../support/both-transports.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';

let plane: TestControlPlane;
let client: Client;

beforeAll(async () => {
  plane = await startTestControlPlane();
  client = socketClient(plane);
});
afterAll(async () => {
  await client?.dispose();
  await plane?.close();
});

const overHttp: Ask = (query, variables) => askOverHttp(plane, query, variables);
const overWebSocket: Ask = (query, variables) => askOverSocket(client, query, variables);

describe.each([
  ['HTTP', overHttp],
  ['WebSocket', overWebSocket],
])('over %s', (_name, ask) => {
  test('an ordinary operation passes', async () => {
    expect(await ask('{ viewer { organisation { slug teams { nodes { id } } } } }')).toEqual([]);
  });

  test('31 aliases are too many, 30 are not', async () => {
    const aliases = (count: number) => `{ ${Array.from({ length: count }, (_, index) => `a${index}: server(slug: "x") { id }`).join(' ')} }`;
    expect(await ask(aliases(30))).toEqual([]);
    expect(await ask(aliases(31))).toMatchObject([{ message: 'more than 30 aliases', extensions: { code: 'QUERY_TOO_COMPLEX' } }]);
  });

  test.each([
    ['a field repeated', `{ viewer { ${'permissions '.repeat(1900)} } }`],
    ['a field with arguments repeated', `{ ${'servers(first: 1) { totalCount } '.repeat(200)} }`],
    ['repetitions of repetitions', `{ ${`viewer { ${'organisation { name } '.repeat(15)} } `.repeat(25)} }`],
    ['a field repeated by many fragments', `{ ${names('...F', 120)} } ${names('fragment F', 120, ' on Query { viewer { permissions } }')}`],
    [
      'fragments that double each other',
      `{ ...F0 } ${Array.from({ length: 100 }, (_, index) => `fragment F${index} on Query { ...F${index + 1} ...F${index + 1} }`).join(' ')} fragment F100 on Query { __typename }`,
    ],
    ['fragments that lead back', '{ ...F0 } fragment F0 on Query { ...F1 } fragment F1 on Query { ...F0 }'],
    ['what lies deeper than twelve levels', `{ viewer ${'{ organisation { teams { nodes '.repeat(5)}{ id }${' } } }'.repeat(5)} }`],
    ['51 directives', `{ viewer { permissions ${'@skip(if: false) '.repeat(51)} } }`],
  ])('%s is too complex, and not even validated', async (_what, query) => {
    expect(await ask(query)).toMatchObject([{ extensions: { code: 'QUERY_TOO_COMPLEX', requestId: expect.stringMatching(/^req_/) } }]);
  });

  test('a list of more than a thousand is refused, wherever it stands', async () => {
    const query = 'mutation($input: SetToolRulesInput!) { setToolRules(input: $input) { userErrors { code } } }';
    const input = { id: 'srv_x', allowedTools: Array.from({ length: 1001 }, (_, index) => `tool${index}`), blockedTools: [] };
    expect(await ask(query, { input })).toMatchObject([{ message: '$input holds a list of more than 1000', extensions: { code: 'BAD_USER_INPUT' } }]);
  });

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

  test('lists count as often as they are long', async () => {
    const lists = (first: number) =>
      `{ ${['a', 'b', 'c'].map((alias) => `${alias}: servers(first: ${first}) { nodes { id name slug description createdAt updatedAt enabled transport team { id name } policy { id } apiKey { id name } pricing { callNanosUsd toolOverrides { tool } } auth { type secretFields { name } } } edges { node { id name slug description enabled transport version metadata gatewayUrl } } }`).join(' ')} }`;
    expect(await ask(lists(10))).toEqual([]);
    expect(await ask(lists(200))).toMatchObject([{ extensions: { code: 'QUERY_TOO_COMPLEX' } }]);
  });

  test('a document of more than 2000 tokens is not even parsed', async () => {
    const [error] = await ask(`{ viewer { ${'permissions '.repeat(2000)} } }`);
    expect(error?.message).toContain('more that 2000 tokens');
    expect(error?.extensions['code']).toBe('GRAPHQL_PARSE_FAILED');
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

/** `...F0 ...F1 ...F2` and so on. */
function names(before: string, count: number, after = ''): string {
  return Array.from({ length: count }, (_, index) => `${before}${index}${after}`).join(' ');
}

describe('HTTP alone', () => {
  test('what may not run is 400, also when our own limits say so', async () => {
    const statusOf = async (query: string, variables?: Record<string, unknown>) => (await plane.ask(query, variables)).status;
    expect(await statusOf(`{ ${Array.from({ length: 31 }, (_, index) => `a${index}: server(slug: "x") { id }`).join(' ')} }`)).toBe(400);
    expect(await statusOf('query($id: ID!) { server(id: $id) { id } }', { id: { not: 'an id' } })).toBe(400);
    expect(await statusOf('{ nothing }')).toBe(400);
    expect(await statusOf('{ apiKeys(first: 0) { nodes { id } } }')).toBe(200);
  });

  const post = (body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
    fetch(plane.graphqlUrl, { method: 'POST', headers: { authorization: `Bearer ${plane.token}`, ...headers }, body });

  test('a body above 256 KiB is refused before it is read to the end', async () => {
    const response = await post(JSON.stringify({ query: '{ __typename }', variables: { padding: 'x'.repeat(262_144) } }));
    expect(response.status).toBe(413);
    expect(errorsSchema.parse(z.object({ errors: z.unknown() }).parse(await response.json()).errors)).toMatchObject([
      { extensions: { code: 'BAD_REQUEST', requestId: expect.any(String) } },
    ]);
  });

  test.each([
    ['no JSON', '{"query": ', { 'content-type': 'application/json' }],
    ['a batch', '[{"query":"{ __typename }"},{"query":"{ __typename }"}]', { 'content-type': 'application/json' }],
    ['a form, as another site would send it', 'query={__typename}', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['plain text, as another site would send it', '{"query":"{ __typename }"}', { 'content-type': 'text/plain' }],
  ])('%s is a bad request with the request’s id', async (_what, body, headers) => {
    const response = await post(body, headers);
    expect(response.status).toBe(400);
    const { errors } = z.object({ errors: errorsSchema }).parse(await response.json());
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_REQUEST', requestId: expect.stringMatching(/^req_/) } }]);
  });

  test('GET reads, and cannot change anything', async () => {
    const get = (query: string) =>
      fetch(`${plane.graphqlUrl}?query=${encodeURIComponent(query)}`, {
        headers: { authorization: `Bearer ${plane.token}`, 'apollo-require-preflight': 'true' },
      });
    expect((await get('{ viewer { organisation { slug } } }')).status).toBe(200);
    expect((await get('mutation { upsertTeam(input: {name: "by GET"}) { userErrors { code } } }')).status).toBe(405);
  });

  test('a GET is judged by its URL, whatever body it sends along', async () => {
    const url = new URL(plane.graphqlUrl);
    url.searchParams.set('query', `{ viewer { ${'permissions '.repeat(100)} } }`);
    const headers = { authorization: `Bearer ${plane.token}`, 'content-type': 'application/json' };
    const { statusCode, body } = await request(url, { method: 'GET', headers, body: JSON.stringify({ query: '{ __typename }' }) });
    expect(statusCode).toBe(400);
    expect(await body.json()).toMatchObject({ errors: [{ extensions: { code: 'QUERY_TOO_COMPLEX' } }] });
  });

  test('health answers, and nothing else is served, to a browser neither', async () => {
    const page = await fetch(plane.graphqlUrl, { headers: { accept: 'text/html' } });
    expect([page.status, page.headers.get('content-type')]).toEqual([400, expect.stringContaining('json')]);
    expect(await (await fetch(`${plane.url}/v1/health`)).json()).toEqual({ status: 'alive' });
    expect(await (await fetch(`${plane.url}/v1/healthz`)).json()).toEqual({ status: 'ready', database: true });
    expect((await fetch(`${plane.url}/elsewhere`)).status).toBe(404);
  });
});
