/** What HTTP alone can ask: other bodies, methods and pages, each with a status that tells whose the fault is. */
import { hash } from 'node:crypto';
import { request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { errorsSchema } from '../../support/both-transports.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

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

test('a document is in the request itself, and not kept to be asked for by its hash', async () => {
  const query = '{ __typename }';
  const extensions = { persistedQuery: { version: 1, sha256Hash: hash('sha256', query) } };
  for (const asked of [{ query, extensions }, { extensions }]) {
    const { errors } = z.object({ errors: errorsSchema }).parse(await (await post(JSON.stringify(asked))).json());
    expect(errors).toMatchObject([{ extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } }]);
  }
});

test('a subscription is sent to where subscriptions are', async () => {
  const response = await post(JSON.stringify({ query: 'subscription { alertRaised { id } }' }));
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    errors: [{ message: 'a subscription goes over a WebSocket, as graphql-transport-ws', extensions: { code: 'BAD_USER_INPUT' } }],
  });
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
