/** Tokens: what they may not give away in passing, what a wrong one is told, and when one is a stranger. What each operation needs is in the matrix. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mintToken } from '../../../shared/token.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

test('what a token may not give by itself it may not give in passing', async () => {
  const { token } = await plane.newAdminToken({ permissions: ['KEY_MANAGE', 'SERVER_CREATE'] });
  const server = await plane.admin.createServer({ name: 'granted', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' });
  const key = await plane.admin.createApiKey();
  const http = 'name: "s", transport: STREAMABLE_HTTP, endpointUrl: "http://127.0.0.1:9/"';
  const permissionAsked = async (mutation: string, input: string) => {
    const { errors } = await plane.ask(`mutation { ${mutation}(input: ${input}) { userErrors { code } } }`, {}, token);
    return errors?.[0]?.extensions?.['permission'];
  };
  expect(await permissionAsked('createApiKey', `{name: "k", type: ORGANISATION, grantServerIds: ["${server.id}"]}`)).toBe('GRANT_MANAGE');
  expect(await permissionAsked('createApiKey', '{name: "k", type: ORGANISATION, policy: {ip: {}}}')).toBe('POLICY_MANAGE');
  expect(await permissionAsked('createServer', `{${http}, grantTo: ["${key.id}"]}`)).toBe('GRANT_MANAGE');
  expect(await permissionAsked('createServer', `{${http}, policy: {ip: {}}}`)).toBe('POLICY_MANAGE');
  expect(await plane.database.query(`select count(*)::int as made from mcp_servers where name = 's'`)).toEqual([{ made: 0 }]);
});

test('each wrong token is told what it is', async () => {
  const why = async (token: string) => (await plane.ask('{ viewer { permissions } }', {}, token)).errors?.[0]?.message;
  expect(await why(mintToken('apiKey').token)).toContain('this is a virtual API key (vk_…); the API takes admin tokens (tpa_…)');
  expect(await why(mintToken('adminToken').token)).toContain('not known');
  expect(await why(mintToken('invitation').token)).toContain('this is an invitation (tpi_…)');
  expect(await why('nonsense')).toContain('not of the form tpa_…');
  expect(await why((await plane.newAdminToken({ expiresAt: new Date(Date.now() - 1000) })).token)).toContain('has expired');
});

test('a revoked token is a stranger from the next request on', async () => {
  const { token, id } = await plane.newAdminToken();
  expect((await plane.ask('{ viewer { permissions } }', {}, token)).errors).toBeUndefined();
  await plane.database.query('update admin_tokens set revoked_at = now() where id = $1', [id]);
  expect((await plane.ask('{ viewer { permissions } }', {}, token)).errors?.[0]?.extensions).toMatchObject({ code: 'UNAUTHENTICATED' });
});
