/** Administrators' tokens: shown once, no stronger than their maker, and of one organisation. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { newMember } from '../../support/browser.ts';
import { PERMISSIONS } from '../../../control-plane/access/permissions.ts';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

const madeSchema = z.object({ adminToken: z.object({ id: z.string(), prefix: z.string(), createdById: z.string() }), secret: z.string() });
const SELECTION = 'adminToken { id prefix createdById } secret';

test('a token does what it was made for, until it is revoked', async () => {
  const input = { name: 'pipeline', permissions: ['USAGE_READ'] };
  const { adminToken, secret } = madeSchema.parse(await plane.admin.mutate('createAdminToken', 'CreateAdminTokenInput', input, SELECTION));
  expect(secret.startsWith(`${adminToken.prefix}_`)).toBe(true);
  expect((await plane.ask('{ viewer { permissions } }', {}, secret)).data).toEqual({ viewer: { permissions: ['USAGE_READ'] } });
  expect(await userErrorsOf(plane, 'revokeAdminToken', 'ReferenceInput', { id: adminToken.id })).toEqual([]);
  expect((await plane.ask('{ viewer { permissions } }', {}, secret)).errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
  expect(await userErrorsOf(plane, 'revokeAdminToken', 'ReferenceInput', { id: adminToken.id })).toMatchObject([{ code: 'ALREADY_REVOKED' }]);
  const trail = await plane.database.query('select action, target_label from audit_events where target_id = $1 order by id', [adminToken.id]);
  expect(trail).toEqual(['createAdminToken', 'revokeAdminToken'].map((action) => ({ action, target_label: adminToken.prefix })));
});

test('nobody makes or revokes a token that may do more than he', async () => {
  const { token } = await plane.newAdminToken({ permissions: ['MEMBER_MANAGE', 'USAGE_READ'] });
  const strong = await plane.newAdminToken();
  const missing = async (mutation: string) => (await plane.ask(`mutation { ${mutation} { userErrors { code } } }`, {}, token)).errors?.[0]?.extensions;
  expect(await missing('createAdminToken(input: {name: "t", permissions: [USAGE_READ, KEY_MANAGE]})')).toMatchObject({ permission: 'KEY_MANAGE' });
  expect(await missing(`revokeAdminToken(input: {id: "${strong.id}"})`)).toMatchObject({ permission: PERMISSIONS[0] });
  expect(await missing('createAdminToken(input: {name: "t", permissions: [USAGE_READ]})')).toBeUndefined();
});

test('a person makes tokens in his own name', async () => {
  const { browser, userId } = await newMember(plane, 'maker@example.com', 'ORG_ADMIN');
  const made = madeSchema.parse(await browser.mutate('createAdminToken', 'CreateAdminTokenInput', { name: 'mine', permissions: [] }, SELECTION));
  expect(made.adminToken.createdById).toBe(userId);
});

test('an expiry in the past is refused, and one in the future is kept', async () => {
  const input = { name: 't', permissions: [], expiresAt: '2020-01-01T00:00:00Z' };
  expect(await userErrorsOf(plane, 'createAdminToken', 'CreateAdminTokenInput', input)).toMatchObject([{ field: ['expiresAt'], code: 'OUT_OF_RANGE' }]);
  const later = { ...input, expiresAt: new Date(Date.now() + 60_000).toISOString() };
  expect(await userErrorsOf(plane, 'createAdminToken', 'CreateAdminTokenInput', later)).toEqual([]);
});

test('the list shows the organisation’s own tokens, and no secret', async () => {
  const other = await plane.newOrganisation('elsewhere');
  const list = '{ adminTokens { totalCount nodes { id name prefix permissions createdById expiresAt revokedAt } } }';
  expect((await plane.ask(list, {}, other.token)).data).toMatchObject({ adminTokens: { totalCount: 1, nodes: [{ name: 'test' }] } });
  const own = JSON.stringify((await plane.ask(list)).data);
  expect(own).toContain('first administrator');
  expect(own).not.toContain(plane.token);
  const [foreign] = await plane.database.query('select id from admin_tokens where organisation_id = $1', [other.organisationId]);
  expect(await userErrorsOf(plane, 'revokeAdminToken', 'ReferenceInput', { id: foreign?.['id'] })).toMatchObject([{ code: 'NOT_FOUND' }]);
});
