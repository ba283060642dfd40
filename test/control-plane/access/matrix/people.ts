/** The rows of people, their roles and sessions, and of administrators’ tokens. */
import { z } from 'zod';
import { newMember, PASSWORD } from '../../../support/browser.ts';
import { mutation, query, type Rows } from './row.ts';
import { idOf, type World } from './world.ts';

let made = 0;
const newEmail = () => `made-${made++}@example.com`;
const invite = (own: World) => own.admin.mutate('inviteMember', 'InviteMemberInput', { email: newEmail(), roleId: 'USER' }, 'invitation { id } token');
const freshMember = async (own: World) => (await newMember(own.plane, newEmail(), 'USER', own.admin)).membershipId;
const freshRole = async ({ admin }: World) =>
  idOf((await admin.mutate('createRole', 'CreateRoleInput', { name: newEmail(), permissions: [] }, 'role { id }'))['role']);
const TOKEN = { name: 'own', permissions: [] };

export const PEOPLE: Rows = {
  'Query.viewer': query('ADMINISTRATOR'),
  'Query.members': query('MEMBER_MANAGE'),
  'Query.invitations': query('MEMBER_MANAGE'),
  'Query.roles': query('ADMINISTRATOR'),
  'Query.adminTokens': query('MEMBER_MANAGE'),
  'Mutation.upsertTeam': mutation(
    'MEMBER_MANAGE',
    ({ team }) => ({ id: team, name: 'own' }),
    ({ team }) => ({ id: team, name: 'mine now' }),
  ),
  'Mutation.inviteMember': mutation(
    'MEMBER_MANAGE',
    () => ({ email: newEmail(), roleId: 'USER' }),
    ({ role }) => ({ email: newEmail(), roleId: role }),
    ({ team }) => ({ email: newEmail(), roleId: 'USER', teamId: team }),
  ),
  'Mutation.revokeInvitation': mutation(
    'MEMBER_MANAGE',
    async (own) => ({ id: idOf((await invite(own))['invitation']) }),
    ({ invitation }) => ({ id: invitation }),
  ),
  'Mutation.updateMember': mutation(
    'MEMBER_MANAGE',
    async (own) => ({ id: await freshMember(own), suspended: true }),
    ({ member }) => ({ id: member, suspended: true }),
    ({ role }, own) => ({ id: own.member, roleId: role }),
    ({ team }, own) => ({ id: own.member, teamId: team }),
  ),
  'Mutation.removeMember': mutation(
    'MEMBER_MANAGE',
    async (own) => ({ id: await freshMember(own) }),
    ({ member }) => ({ id: member }),
  ),
  'Mutation.createRole': mutation('MEMBER_MANAGE', () => ({ name: newEmail(), permissions: [] })),
  'Mutation.updateRole': mutation(
    'MEMBER_MANAGE',
    ({ role }) => ({ id: role }),
    ({ role }) => ({ id: role, name: 'mine now' }),
  ),
  'Mutation.deleteRole': mutation(
    'MEMBER_MANAGE',
    async (own) => ({ id: await freshRole(own) }),
    ({ role }) => ({ id: role }),
  ),
  'Mutation.createAdminToken': mutation('MEMBER_MANAGE', () => TOKEN),
  'Mutation.revokeAdminToken': mutation(
    'MEMBER_MANAGE',
    async ({ admin }) => ({ id: idOf((await admin.mutate('createAdminToken', 'CreateAdminTokenInput', TOKEN, 'adminToken { id }'))['adminToken']) }),
    ({ adminToken }) => ({ id: adminToken }),
  ),
};

export const SESSIONS: Rows = {
  'Query.sessions': query('PERSON'),
  'Mutation.signIn': mutation('EVERYBODY', ({ person }) => ({ email: person.email, password: PASSWORD })),
  'Mutation.acceptInvitation': mutation('EVERYBODY', async (own) => ({
    token: z.string().parse((await invite(own))['token']),
    name: 'own',
    password: PASSWORD,
  })),
  // Once there is an administrator nobody can be the first; setup.test.ts has that one.
  'Mutation.setUp': {
    ...mutation('EVERYBODY', () => ({ token: 'tpi_none', email: newEmail(), name: 'own', password: PASSWORD })),
    expecting: ['INVALID'],
  },
  'Mutation.signOut': mutation('PERSON'),
  'Mutation.revokeOtherSessions': mutation('PERSON'),
  'Mutation.revokeSession': mutation(
    'PERSON',
    async ({ person }) => {
      const { data } = await person.browser.ask('{ sessions { id } }');
      return z.object({ sessions: z.tuple([z.object({ id: z.string() })], z.unknown()) }).parse(data).sessions[0];
    },
    ({ session }) => ({ id: session }),
  ),
  'Mutation.changePassword': mutation('PERSON', () => ({ currentPassword: PASSWORD, newPassword: `${PASSWORD}, again` })),
};
