/** An operation that asks for too much is refused before any of it runs, over HTTP and over WebSocket alike, and no error repeats a value. */
import { createClient, type Client } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';

let plane: TestControlPlane;
let client: Client;

beforeAll(async () => {
  plane = await startTestControlPlane();
  client = createClient({
    url: plane.graphqlUrl.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${plane.token}` },
    retryAttempts: 0,
  });
});
afterAll(async () => {
  await client?.dispose();
  await plane?.close();
});

const errorsSchema = z.array(z.object({ message: z.string(), extensions: z.record(z.string(), z.unknown()) }));
type Ask = (query: string, variables?: Record<string, unknown>) => Promise<z.infer<typeof errorsSchema>>;

const overHttp: Ask = async (query, variables) => errorsSchema.parse((await plane.ask(query, variables)).errors ?? []);
const overWebSocket: Ask = async (query, variables = {}) => {
  try {
    const results = client.iterate({ query, variables });
    const { value } = await results.next();
    await results.return?.();
    return errorsSchema.parse(value?.errors ?? []);
  } catch (errors) {
    return errorsSchema.parse(errors);
  }
};

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

  test('introspection works, health answers, and nothing else is served', async () => {
    expect((await plane.ask('{ __schema { queryType { name } } }', {}, null)).data).toEqual({ __schema: { queryType: { name: 'Query' } } });
    expect(await (await fetch(`${plane.url}/v1/health`)).json()).toEqual({ status: 'alive' });
    expect(await (await fetch(`${plane.url}/v1/healthz`)).json()).toEqual({ status: 'ready', database: true });
    expect((await fetch(`${plane.url}/elsewhere`)).status).toBe(404);
  });
});
