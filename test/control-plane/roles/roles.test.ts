/** Roles: five come with the product and stay as they are, others are the organisation's own. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { PERMISSIONS } from '../../../control-plane/access/permissions.ts';
import { newMember } from '../../support/browser.ts';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

const payloadSchema = z.object({ role: z.object({ id: z.string(), version: z.number(), permissions: z.array(z.string()) }) });

async function newRole(name: string, permissions: readonly string[]): Promise<string> {
  const payload = await plane.admin.mutate('createRole', 'CreateRoleInput', { name, permissions }, 'role { id version permissions }');
  return payloadSchema.parse(payload).role.id;
}

test('the roles of the product come first, each with its permissions', async () => {
  const id = await newRole('First of our own', ['KEY_MANAGE', 'KEY_MANAGE']);
  const { data } = await plane.ask('{ roles { id name permissions builtIn } }');
  const everything = [...PERMISSIONS];
  expect(data?.['roles']).toEqual([
    { id: 'SUPER_ADMIN', name: 'SUPER_ADMIN', permissions: everything, builtIn: true },
    { id: 'ORG_ADMIN', name: 'ORG_ADMIN', permissions: everything, builtIn: true },
    { id: 'MANAGER', name: 'MANAGER', permissions: everything.filter((permission) => permission !== 'MEMBER_MANAGE'), builtIn: true },
    { id: 'USER', name: 'USER', permissions: [], builtIn: true },
    { id: 'AUDITOR', name: 'AUDITOR', permissions: ['AUDIT_READ', 'USAGE_READ'], builtIn: true },
    { id, name: 'First of our own', permissions: ['KEY_MANAGE'], builtIn: false },
  ]);
});

test('a changed role changes what everybody who has it may do, from the next request on', async () => {
  const id = await newRole('Keeper', ['KEY_MANAGE']);
  const { browser } = await newMember(plane, 'keeper@example.com', id);
  const permissions = async () => (await browser.ask('{ viewer { permissions } }')).data;
  expect(await permissions()).toEqual({ viewer: { permissions: ['KEY_MANAGE'] } });
  const input = { id, permissions: ['GRANT_MANAGE'], expectedVersion: 1 };
  expect(await plane.admin.mutate('updateRole', 'UpdateRoleInput', input, 'role { name version }')).toMatchObject({ role: { name: 'Keeper', version: 2 } });
  expect(await permissions()).toEqual({ viewer: { permissions: ['GRANT_MANAGE'] } });
  expect(await userErrorsOf(plane, 'updateRole', 'UpdateRoleInput', input)).toMatchObject([{ code: 'STALE_VERSION' }]);
});

test('a role that members or invitations have stays', async () => {
  const [ofMember, invited] = [await newRole('Of a member', []), await newRole('Of an invitation', [])];
  const { membershipId } = await newMember(plane, 'holder@example.com', ofMember);
  await plane.admin.mutate('inviteMember', 'InviteMemberInput', { email: 'invited@example.com', roleId: invited }, 'token');
  for (const id of [ofMember, invited]) expect(await userErrorsOf(plane, 'deleteRole', 'IdInput', { id })).toMatchObject([{ code: 'CONFLICT' }]);
  await plane.admin.mutate('updateMember', 'UpdateMemberInput', { id: membershipId, roleId: 'USER' }, 'membership { id }');
  expect(await userErrorsOf(plane, 'deleteRole', 'IdInput', { id: ofMember })).toEqual([]);
  expect(await userErrorsOf(plane, 'deleteRole', 'IdInput', { id: ofMember })).toMatchObject([{ code: 'NOT_FOUND' }]);
});

test('a role that comes with the product is neither changed, nor deleted, nor made anew', async () => {
  expect(await userErrorsOf(plane, 'updateRole', 'UpdateRoleInput', { id: 'USER', permissions: ['KEY_MANAGE'] })).toMatchObject([{ code: 'INVALID' }]);
  expect(await userErrorsOf(plane, 'deleteRole', 'IdInput', { id: 'AUDITOR' })).toMatchObject([{ code: 'INVALID' }]);
  expect(await userErrorsOf(plane, 'createRole', 'CreateRoleInput', { name: 'org_admin', permissions: [] })).toMatchObject([{ code: 'TAKEN' }]);
});

test('a name is free once in an organisation', async () => {
  const id = await newRole('Taken', []);
  expect(await userErrorsOf(plane, 'createRole', 'CreateRoleInput', { name: 'Taken', permissions: [] })).toMatchObject([{ code: 'TAKEN', field: ['name'] }]);
  expect(await userErrorsOf(plane, 'updateRole', 'UpdateRoleInput', { id, name: 'Taken' })).toEqual([]);
  const other = await plane.newOrganisation('other-roles');
  expect(await userErrorsOf(plane, 'createRole', 'CreateRoleInput', { name: 'Taken', permissions: [] }, other.token)).toEqual([]);
});

test('who has less than a role neither widens, nor narrows, nor deletes it', async () => {
  const id = await newRole('Wide', ['KEY_MANAGE', 'USAGE_READ']);
  const { token } = await plane.newAdminToken({ permissions: ['MEMBER_MANAGE', 'USAGE_READ'] });
  const missing = async (mutation: string) => (await plane.ask(`mutation { ${mutation} { userErrors { code } } }`, {}, token)).errors?.[0]?.extensions;
  expect(await missing(`updateRole(input: {id: "${id}", permissions: [USAGE_READ]})`)).toMatchObject({ code: 'FORBIDDEN', permission: 'KEY_MANAGE' });
  expect(await missing(`deleteRole(input: {id: "${id}"})`)).toMatchObject({ permission: 'KEY_MANAGE' });
  const own = await newRole('Narrow', ['USAGE_READ']);
  expect(await missing(`updateRole(input: {id: "${own}", permissions: [USAGE_READ, KEY_MANAGE]})`)).toMatchObject({ permission: 'KEY_MANAGE' });
  expect(await missing(`updateRole(input: {id: "${own}", permissions: []})`)).toBeUndefined();
});
