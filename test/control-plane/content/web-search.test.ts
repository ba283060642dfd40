/** The policy of a server that searches the web is set in one spelling, and knows how the tools of the server take it. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { searchToolsOf } from '../../../control-plane/content/search-tools.ts';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';

let plane: TestControlPlane;
let serverId: string;
let count = 0;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());
beforeEach(async () => {
  ({ id: serverId } = await plane.admin.createServer({ name: `Search ${++count}`, transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/mcp' }));
});

const POLICY = 'server { version webSearchPolicy { allowedDomains blockedDomains safeSearch mode } }';
const set = async (policy: object | null, rest: object = {}) =>
  (await plane.admin.mutate('setWebSearchPolicy', 'SetWebSearchPolicyInput', { serverId, policy, ...rest }, POLICY))['server'];
const refused = (policy: object) => userErrorsOf(plane, 'setWebSearchPolicy', 'SetWebSearchPolicyInput', { serverId, policy });

test('domains are kept as hosts are spelled, and null takes the policy away', async () => {
  const domains = { allowedDomains: ['*.Example.com', 'example.com.', 'BÜCHER.example'], blockedDomains: ['192.0.2.1'] };
  const webSearchPolicy = { allowedDomains: ['example.com', 'xn--bcher-kva.example'], blockedDomains: ['192.0.2.1'], safeSearch: true, mode: 'ENFORCE' };
  expect(await set({ ...domains, safeSearch: true }, { dryRun: true })).toMatchObject({ webSearchPolicy });
  expect(await set({}, { expectedVersion: 1 })).toMatchObject({ version: 2, webSearchPolicy: { allowedDomains: [], mode: 'ENFORCE', safeSearch: false } });
  expect(await set({ ...domains, safeSearch: true })).toMatchObject({ webSearchPolicy });
  expect(await set(null)).toMatchObject({ webSearchPolicy: null });
});

test('what is no domain is refused where it stands', async () => {
  expect(await refused({ blockedDomains: ['a.com', 'https://b.com'] })).toMatchObject([{ field: ['policy', 'blockedDomains', '1'], code: 'INVALID' }]);
});

test('a server of another organisation is none', async () => {
  const other = await plane.newOrganisation('elsewhere');
  await expect(other.admin.mutate('setWebSearchPolicy', 'SetWebSearchPolicyInput', { serverId, policy: {} }, 'server { id }')).rejects.toThrow('NOT_FOUND');
});

test.each([
  [{ include_domains: { type: 'array', items: { type: 'string' } } }, { includeDomains: 'include_domains' }],
  [
    { allowedDomains: { type: 'array' }, 'blocked-domains': { type: 'array' } },
    { includeDomains: 'allowedDomains', excludeDomains: 'blocked-domains' },
  ],
  [{ safesearch: { type: 'integer', minimum: 0, maximum: 2 } }, { safeSearch: { argument: 'safesearch', value: 2 } }],
  [{ safesearch: { enum: [0, 1, 2] } }, { safeSearch: { argument: 'safesearch', value: 2 } }],
  [{ safe_search: { type: 'boolean' } }, { safeSearch: { argument: 'safe_search', value: true } }],
  [{ safeSearch: { type: 'string', enum: ['off', 'moderate', 'Strict'] } }, { safeSearch: { argument: 'safeSearch', value: 'Strict' } }],
  [{ safe: { type: 'string' }, domain: { type: 'string' }, domains: { type: 'string' } }, undefined],
  [{ query: true }, undefined],
])('of the arguments %j it is known that %j', (properties, known) => {
  const definition = { name: 'search', inputSchema: { type: 'object', properties } };
  const tool = { name: 'search', includeDomains: null, excludeDomains: null, safeSearch: null, ...known };
  expect(searchToolsOf([{ name: 'search', definition, isGone: false }])).toEqual(known === undefined ? [] : [tool]);
  expect(searchToolsOf([{ name: 'search', definition, isGone: true }])).toEqual([]);
});
