/** Invitations: a token that is shown once, for one person, for a week, until it is taken back. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { Browser, PASSWORD } from '../../support/browser.ts';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

const invitationSchema = z.object({ invitation: z.object({ id: z.string() }), token: z.string() });

async function invite(email: string, roleId = 'USER'): Promise<{ id: string; token: string }> {
  const payload = await plane.admin.mutate('inviteMember', 'InviteMemberInput', { email, roleId }, 'invitation { id } token');
  const { invitation, token } = invitationSchema.parse(payload);
  return { id: invitation.id, token };
}

const accept = (token: string, page = new Browser(plane.graphqlUrl)) =>
  page.mutate('acceptInvitation', 'AcceptInvitationInput', { token, name: 'Ada', password: PASSWORD }, 'user { email name }');

test('whoever has the token becomes a member and is signed in', async () => {
  const page = new Browser(plane.graphqlUrl);
  const { token } = await invite(' Ada@Example.com', 'AUDITOR');
  expect(token).toMatch(/^tpi_/);
  expect(await accept(token, page)).toMatchObject({ user: { email: 'ada@example.com', name: 'Ada' } });
  expect((await page.ask('{ viewer { permissions } }')).data).toEqual({ viewer: { permissions: ['AUDIT_READ', 'USAGE_READ'] } });
});

test('of twenty who use a token at once one becomes a member, and nobody afterwards', async () => {
  const { token } = await invite('once@example.com');
  const answers = await Promise.all(Array.from({ length: 20 }, () => accept(token)));
  expect(answers.filter(({ userErrors }) => userErrors.length === 0)).toHaveLength(1);
  expect((await accept(token)).userErrors).toMatchObject([{ code: 'INVALID', field: ['token'] }]);
});

test('one that is taken back, one that has expired and nonsense are refused in the same words', async () => {
  const [taken, old] = [await invite('taken@example.com'), await invite('old@example.com')];
  await plane.admin.mutate('revokeInvitation', 'ReferenceInput', { id: taken.id }, 'deletedId');
  await plane.database.query(`update invitations set expires_at = now() where id = $1`, [old.id]);
  const refusals = [await accept(taken.token), await accept(old.token), await accept('nonsense')].map(({ userErrors }) => userErrors);
  expect(refusals[0]).toMatchObject([{ code: 'INVALID', message: 'the token is not known, was used already, or has expired' }]);
  expect(new Set(refusals.map((refusal) => JSON.stringify(refusal))).size).toBe(1);
  expect(await userErrorsOf(plane, 'revokeInvitation', 'ReferenceInput', { id: taken.id })).toMatchObject([{ code: 'NOT_FOUND' }]);
});

test('nobody is invited twice, unless the first invitation has expired, and no member is', async () => {
  const first = await invite('twice@example.com');
  const again = () => userErrorsOf(plane, 'inviteMember', 'InviteMemberInput', { email: 'TWICE@example.com', roleId: 'USER' });
  expect(await again()).toMatchObject([{ code: 'TAKEN', field: ['email'], hint: 'revoke that invitation first' }]);
  await plane.database.query(`update invitations set expires_at = now() where id = $1`, [first.id]);
  const { token } = await invite('twice@example.com');
  await accept(token);
  expect(await again()).toMatchObject([{ code: 'TAKEN', message: 'the person is a member already' }]);
});

test.each([
  [{ email: 'nowhere' }, ['email']],
  [{ email: `${'a'.repeat(250)}@example.com` }, ['email']],
  [{ roleId: 'OWNER' }, ['roleId']],
  [{ teamId: 'tea_01arz3ndektsv4rrffq69g5fav' }, ['teamId']],
])('an invitation with %j is refused', async (fault, field) => {
  expect(await userErrorsOf(plane, 'inviteMember', 'InviteMemberInput', { email: 'fine@example.com', roleId: 'USER', ...fault })).toMatchObject([{ field }]);
});

test('the token is kept as its hash alone, and no list shows it', async () => {
  const { id, token } = await invite('kept@example.com');
  const kept = await plane.database.query(
    `select (select string_agg(i::text, '') from invitations i) || (select string_agg(a::text, '') from audit_events a) as text`,
  );
  expect(`${String(kept[0]?.['text'])}${plane.log()}`).not.toContain(token);
  const answer = await plane.ask('{ invitations { nodes { id email role { name } team { id } expiresAt } } }');
  expect(JSON.stringify(answer.data)).toContain(id);
  expect(JSON.stringify(answer.data)).not.toContain('tpi_');
});
