/** Members: nobody gives or takes more than he has, what is taken away is gone at once, and somebody always administers. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { PERMISSIONS } from '../../../control-plane/access/permissions.ts';
import { newId } from '../../../shared/ids.ts';
import { Browser, newMember, type Member } from '../../support/browser.ts';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());
beforeEach(() => plane.database.query('delete from sessions; delete from memberships; delete from invitations; delete from users'));

const update = (asker: Browser, input: Record<string, unknown>) =>
  asker.mutate('updateMember', 'UpdateMemberInput', input, 'membership { version role { name } }');
const remove = (asker: Browser, member: Member) => asker.mutate('removeMember', 'IdInput', { id: member.membershipId }, 'deletedId');
const permissionMissing = async (asker: Browser, query: string) => (await asker.ask(query)).errors?.[0]?.extensions?.['permission'];
const roleOf = (id: string, roleId: string) => `mutation { updateMember(input: {id: "${id}", roleId: "${roleId}"}) { userErrors { code } } }`;

test('members are listed with the person, the role and the team', async () => {
  const { team } = await plane.admin.mutate('upsertTeam', 'UpsertTeamInput', { name: 'Payments' }, 'team { id }');
  const ada = await newMember(plane, 'ada@example.com', 'ORG_ADMIN');
  const { id: teamId } = Object(team);
  await update(ada.browser, { id: ada.membershipId, teamId });
  const list = '{ members { totalCount nodes { id state user { id email } role { id name builtIn permissions } team { name } } } }';
  expect((await ada.browser.ask(list)).data).toMatchObject({
    members: {
      totalCount: 1,
      nodes: [
        {
          id: ada.membershipId,
          state: 'ACTIVE',
          user: { id: ada.userId, email: ada.email },
          role: { id: 'ORG_ADMIN', name: 'ORG_ADMIN', builtIn: true },
          team: { name: 'Payments' },
        },
      ],
    },
  });
  expect(await update(ada.browser, { id: ada.membershipId, suspended: false })).toMatchObject({ membership: { version: 3 } });
  expect((await ada.browser.ask('{ members { nodes { team { name } } } }')).data).toMatchObject({ members: { nodes: [{ team: { name: 'Payments' } }] } });
  await update(ada.browser, { id: ada.membershipId, teamId: null });
  expect((await ada.browser.ask('{ members { nodes { team { name } } } }')).data).toMatchObject({ members: { nodes: [{ team: null }] } });
});

test('who is removed is signed out at once, cannot sign in, and may come back by another invitation', async () => {
  const [ada, bob] = [await newMember(plane, 'ada@example.com', 'ORG_ADMIN'), await newMember(plane, 'bob@example.com', 'USER')];
  expect(await remove(ada.browser, bob)).toMatchObject({ deletedId: bob.membershipId, userErrors: [] });
  expect(await bob.browser.whoAmI()).toBeUndefined();
  expect((await new Browser(plane.graphqlUrl).signIn(bob.email)).userErrors).toHaveLength(1);
  const again = await newMember(plane, bob.email, 'AUDITOR');
  expect(again.userId).toBe(bob.userId);
  expect(again.membershipId).not.toBe(bob.membershipId);
});

test('who is suspended is signed out at once, cannot sign in, and can again when he is let', async () => {
  const [ada, bob] = [await newMember(plane, 'ada@example.com', 'ORG_ADMIN'), await newMember(plane, 'bob@example.com', 'USER')];
  await update(ada.browser, { id: bob.membershipId, suspended: true });
  expect(await bob.browser.whoAmI()).toBeUndefined();
  expect((await bob.browser.signIn(bob.email)).userErrors).toHaveLength(1);
  await update(ada.browser, { id: bob.membershipId, suspended: false });
  expect((await bob.browser.signIn(bob.email)).userErrors).toEqual([]);
});

test('another role holds from the next request on', async () => {
  const [ada, bob] = [await newMember(plane, 'ada@example.com', 'ORG_ADMIN'), await newMember(plane, 'bob@example.com', 'MANAGER')];
  const mayMakeTeams = () => permissionMissing(bob.browser, 'mutation { upsertTeam(input: {name: "t"}) { userErrors { code } } }');
  expect(await mayMakeTeams()).toBe('MEMBER_MANAGE');
  await update(ada.browser, { id: bob.membershipId, roleId: 'ORG_ADMIN' });
  expect(await mayMakeTeams()).toBeUndefined();
  await update(ada.browser, { id: bob.membershipId, roleId: 'USER' });
  expect(await mayMakeTeams()).toBe('MEMBER_MANAGE');
});

test('the last administrator is neither removed, nor suspended, nor given another role', async () => {
  const ada = await newMember(plane, 'ada@example.com', 'ORG_ADMIN');
  const nobodyLeft = [{ code: 'CONFLICT', message: 'nobody would be left to administer the organisation' }];
  expect((await remove(ada.browser, ada)).userErrors).toMatchObject(nobodyLeft);
  expect((await update(ada.browser, { id: ada.membershipId, suspended: true })).userErrors).toMatchObject(nobodyLeft);
  expect((await update(ada.browser, { id: ada.membershipId, roleId: 'MANAGER' })).userErrors).toMatchObject(nobodyLeft);
  expect(await ada.browser.whoAmI()).toBe(ada.email);
  const bob = await newMember(plane, 'bob@example.com', 'ORG_ADMIN');
  await update(ada.browser, { id: bob.membershipId, suspended: true });
  expect((await remove(ada.browser, ada)).userErrors).toMatchObject(nobodyLeft);
  await update(ada.browser, { id: bob.membershipId, suspended: false });
  expect((await remove(ada.browser, ada)).userErrors).toEqual([]);
});

test('of two last administrators who are removed at once one is left, time after time', async () => {
  let last = await newMember(plane, 'ada@example.com', 'ORG_ADMIN');
  for (let round = 0; round < 5; round++) {
    const pair = [last, await newMember(plane, `bob${round}@example.com`, 'ORG_ADMIN')] as const;
    const answers = await Promise.all(pair.map(({ membershipId: id }) => userErrorsOf(plane, 'removeMember', 'IdInput', { id })));
    expect(answers.flat()).toMatchObject([{ code: 'CONFLICT' }]);
    last = answers[0]?.length === 1 ? pair[0] : pair[1];
    expect(await plane.database.query('select id from memberships')).toEqual([{ id: last.membershipId }]);
  }
});

test('nobody gives a role that allows more than he may, and nobody changes or removes who has one', async () => {
  const ada = await newMember(plane, 'ada@example.com', 'ORG_ADMIN');
  const { role } = await ada.browser.mutate(
    'createRole',
    'CreateRoleInput',
    { name: 'Host', permissions: ['MEMBER_MANAGE', 'AUDIT_READ', 'USAGE_READ'] },
    'role { id }',
  );
  const hostRole = String(Object(role).id);
  const [host, bob] = [await newMember(plane, 'host@example.com', hostRole), await newMember(plane, 'bob@example.com', 'USER')];
  const ask = (query: string) => permissionMissing(host.browser, query);
  const invite = (roleId: string) => `mutation { inviteMember(input: {email: "x@example.com", roleId: "${roleId}"}) { userErrors { code } } }`;
  expect(await ask(invite('MANAGER'))).toBe(PERMISSIONS[0]);
  expect(await ask(roleOf(bob.membershipId, 'ORG_ADMIN'))).toBe(PERMISSIONS[0]);
  expect(await ask(roleOf(host.membershipId, 'ORG_ADMIN'))).toBe(PERMISSIONS[0]);
  expect(await ask(roleOf(ada.membershipId, 'USER'))).toBe(PERMISSIONS[0]);
  expect(await ask(`mutation { removeMember(input: {id: "${ada.membershipId}"}) { deletedId } }`)).toBe(PERMISSIONS[0]);
  expect(await ask('mutation { createRole(input: {name: "More", permissions: [KEY_MANAGE]}) { userErrors { code } } }')).toBe('KEY_MANAGE');
  expect(await ask(roleOf(bob.membershipId, 'AUDITOR'))).toBeUndefined();
  expect(await ask(invite(hostRole))).toBeUndefined();
});

test('nobody but a SUPER_ADMIN makes a SUPER_ADMIN or changes one, not even the first token', async () => {
  const ada = await newMember(plane, 'ada@example.com', 'ORG_ADMIN');
  const root = await newMember(plane, 'root@example.com', 'ORG_ADMIN');
  await plane.database.query(`update memberships set role_id = 'SUPER_ADMIN' where id = $1`, [root.membershipId]);
  expect(await permissionMissing(ada.browser, roleOf(ada.membershipId, 'SUPER_ADMIN'))).toBe('SUPER_ADMIN');
  expect(await permissionMissing(ada.browser, roleOf(root.membershipId, 'USER'))).toBe('SUPER_ADMIN');
  expect((await plane.ask(roleOf(ada.membershipId, 'SUPER_ADMIN'))).errors).toMatchObject([{ extensions: { permission: 'SUPER_ADMIN' } }]);
  expect(await permissionMissing(root.browser, roleOf(ada.membershipId, 'SUPER_ADMIN'))).toBeUndefined();
});

test('what was changed in between is told, and changes are written to the trail', async () => {
  const [ada, bob] = [await newMember(plane, 'ada@example.com', 'ORG_ADMIN'), await newMember(plane, 'trail@example.com', 'USER')];
  const id = bob.membershipId;
  expect((await update(ada.browser, { id, roleId: 'AUDITOR', expectedVersion: 2 })).userErrors).toMatchObject([{ code: 'STALE_VERSION' }]);
  expect((await update(ada.browser, { id, roleId: 'AUDITOR', expectedVersion: 1 })).userErrors).toEqual([]);
  expect((await update(ada.browser, { id, roleId: 'rol_01arz3ndektsv4rrffq69g5fav' })).userErrors).toMatchObject([{ code: 'NOT_FOUND', field: ['roleId'] }]);
  await remove(ada.browser, bob);
  const trail = await plane.database.query(
    `select action, actor_id, target_label, before->>'roleId' as before, after->>'roleId' as after from audit_events
     where target_label = 'trail@example.com' order by id`,
  );
  expect(trail).toEqual([
    { action: 'inviteMember', actor_id: expect.stringMatching(/^adm_/), target_label: bob.email, before: null, after: 'USER' },
    { action: 'acceptInvitation', actor_id: bob.userId, target_label: bob.email, before: null, after: 'USER' },
    { action: 'updateMember', actor_id: ada.userId, target_label: bob.email, before: 'USER', after: 'AUDITOR' },
    { action: 'removeMember', actor_id: ada.userId, target_label: bob.email, before: 'AUDITOR', after: null },
  ]);
});

test('in an organisation that tokens alone administer, members change as they like', async () => {
  const bob = await newMember(plane, 'bob@example.com', 'USER');
  expect(await userErrorsOf(plane, 'updateMember', 'UpdateMemberInput', { id: bob.membershipId, roleId: 'AUDITOR' })).toEqual([]);
  expect(await userErrorsOf(plane, 'removeMember', 'IdInput', { id: bob.membershipId })).toEqual([]);
});

test('a person may have a budget, and one of another organisation may not', async () => {
  const bob = await newMember(plane, 'bob@example.com', 'USER');
  const elsewhere = await newMember({ ...plane, admin: (await plane.newOrganisation('elsewhere')).admin }, 'eve@example.com', 'USER');
  const budgetOf = (ownerId: string) => {
    const schedule = { period: 'DAILY', timezone: 'UTC' };
    return userErrorsOf(plane, 'createBudget', 'BudgetInput', { name: 'b', ownerType: 'USER', ownerId, limitUsd: '1', schedule });
  };
  expect(await budgetOf(bob.userId)).toEqual([]);
  expect(await budgetOf(elsewhere.userId)).toMatchObject([{ code: 'NOT_FOUND', field: ['ownerId'] }]);
});

test('the keys of a person are off while he is suspended, and gone with him', async () => {
  const ada = await newMember(plane, 'keys-admin@example.com', 'ORG_ADMIN');
  const bob = await newMember(plane, 'bob-with-keys@example.com', 'USER');
  const { id } = await plane.admin.createApiKey({ type: 'USER', ownerId: bob.userId });
  const keyNow = async () => (await plane.admin.query('query($id: ID!) { apiKey(id: $id) { type status user { email } } }', { id }))['apiKey'];
  const enable = () => userErrorsOf(plane, 'setApiKeyDisabled', 'SetApiKeyDisabledInput', { id, disabled: false });
  expect(await keyNow()).toEqual({ type: 'USER', status: 'ACTIVE', user: { email: 'bob-with-keys@example.com' } });
  const told = await plane.database.query(`select change->'value'->>'userDomain' as domain from config_changes where change->'value'->>'id' = $1`, [id]);
  expect(told).toEqual([{ domain: 'example.com' }]);
  await update(ada.browser, { id: bob.membershipId, suspended: true });
  expect(await keyNow()).toMatchObject({ status: 'DISABLED' });
  expect(await enable()).toMatchObject([{ field: ['id'], code: 'CONFLICT' }]);
  await update(ada.browser, { id: bob.membershipId, suspended: false });
  expect(await keyNow()).toMatchObject({ status: 'DISABLED' });
  expect(await enable()).toEqual([]);
  await remove(ada.browser, bob);
  expect(await keyNow()).toMatchObject({ status: 'REVOKED' });
  const states = await plane.database.query(
    `select change->'value'->>'state' as state from config_changes where change->'value'->>'id' = $1 order by version`,
    [id],
  );
  expect(states.map(({ state }) => state)).toEqual(['ACTIVE', 'DISABLED', 'ACTIVE', 'REVOKED']);
  const again = { name: 'k', type: 'USER', ownerId: bob.userId };
  expect(await userErrorsOf(plane, 'createApiKey', 'CreateApiKeyInput', again)).toMatchObject([{ field: ['ownerId'], code: 'NOT_FOUND' }]);
});

test('what a person has signed in to for himself ends with his removal, and what the organisation has goes on', async () => {
  const ada = await newMember(plane, 'tokens-admin@example.com', 'ORG_ADMIN');
  const bob = await newMember(plane, 'bob-with-tokens@example.com', 'USER');
  const { id } = await plane.admin.createServer({ name: 'signed in to', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/mcp' });
  const [own, organisations] = [newId('upstreamConnection'), newId('upstreamConnection')];
  const connect = (connectionId: string, userId: string | null) =>
    plane.database.query(`insert into upstream_connections (id, organisation_id, mcp_server_id, user_id, state) values ($1, $2, $3, $4, 'CONNECTED')`, [
      connectionId,
      plane.organisationId,
      id,
      userId,
    ]);
  await connect(own, bob.userId);
  await connect(organisations, null);
  await remove(ada.browser, bob);
  expect(await plane.database.query('select id from upstream_connections')).toEqual([{ id: organisations }]);
  const told = await plane.database.query(`select change from config_changes where change ->> 'kind' = 'upstreamToken'`);
  expect(told).toEqual([{ change: { op: 'remove', kind: 'upstreamToken', id: own } }]);
});
