/** A change that is sent again under the same key is done once, and answered as it was the first time. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { openOrm } from '../../../control-plane/database/orm.ts';
import { acrossOrganisations } from '../../../control-plane/database/roles.ts';
import { forgetAnswers } from '../../../control-plane/idempotency/claim.ts';
import { newMember } from '../../support/browser.ts';
import { answerSchema, recordingLog, startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { codeOf, sendUnderKey, type AnswerUnderKey, type SentUnderKey } from '../../support/idempotent-requests.ts';

const CREATE = 'mutation($name: String!) { createApiKey(input: { name: $name, type: ORGANISATION }) { apiKey { id } secret userErrors { code } } }';
const lostSchema = z.object({ errors: z.tuple([z.object({ extensions: z.object({ firstRequestId: z.string() }) })]) });

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

type Sent = Omit<SentUnderKey, 'body'> & { readonly name?: string; readonly query?: string };

/** A person's or token's request for a key of that name, unless it is for something else. */
function send({ key, name = key, query = CREATE, token = plane.token }: Sent): Promise<AnswerUnderKey> {
  return sendUnderKey(plane.graphqlUrl, { key, token, body: { query, variables: { name } } });
}

async function keysNamed(name: string): Promise<number> {
  return (await plane.database.query('select id from api_keys where name = $1', [name])).length;
}

test('the same request gets the same answer, secret included, and one key is made', async () => {
  const name = randomUUID();
  const first = await send({ key: name });
  const second = await send({ key: name });
  const quoted = await send({ key: `"${name}"`, name });
  expect(first).toMatchObject({ status: 200, isReplayed: false });
  for (const again of [second, quoted]) expect(again).toEqual({ ...first, isReplayed: true });
  expect(first.text).toContain('vk_');
  expect(await keysNamed(name)).toBe(1);
});

test('what is kept of it holds neither the key, the body nor the answer in the clear', async () => {
  const name = randomUUID();
  const { text } = await send({ key: name });
  const { secret } = z.object({ data: z.object({ createApiKey: z.object({ secret: z.string() }) }) }).parse(JSON.parse(text)).data.createApiKey;
  const rows = JSON.stringify(await plane.database.query('select * from idempotent_requests'));
  expect(rows).not.toContain(name);
  expect(rows).not.toContain(secret);
});

test('another body under the same key is refused', async () => {
  const name = randomUUID();
  await send({ key: name });
  const other = await send({ key: name, name: `${name} 2` });
  expect(other.status).toBe(422);
  expect(codeOf(other)).toBe('IDEMPOTENCY_KEY_REUSED');
  expect(await keysNamed(`${name} 2`)).toBe(0);
});

test('of many at once one is done, and the others are told so or get its answer', async () => {
  const name = randomUUID();
  const answers = await Promise.all(Array.from({ length: 8 }, () => send({ key: name })));
  expect(await keysNamed(name)).toBe(1);
  const told = answers.filter(({ status }) => status === 200);
  expect(new Set(told.map(({ text }) => text)).size).toBe(1);
  for (const answer of answers) expect(answer.status === 200 || codeOf(answer) === 'CONFLICT').toBe(true);
});

test('a change whose answer was never kept is not made again: at first it is under way, then the audit trail tells of it', async () => {
  const name = randomUUID();
  await send({ key: name });
  await plane.database.query('update idempotent_requests set answer = null');
  const soon = await send({ key: name });
  expect([soon.status, codeOf(soon)]).toEqual([409, 'CONFLICT']);
  await plane.database.query(`update idempotent_requests set renewed_at = now() - interval '1 minute'`);
  const later = await send({ key: name });
  expect([later.status, codeOf(later)]).toEqual([409, 'IDEMPOTENCY_ANSWER_LOST']);
  const { firstRequestId } = lostSchema.parse(JSON.parse(later.text)).errors[0].extensions;
  const { auditEvents } = await plane.admin.query('query($filter: AuditFilter) { auditEvents(filter: $filter) { nodes { action after } } }', {
    filter: { requestId: [firstRequestId] },
  });
  expect(auditEvents).toMatchObject({ nodes: [{ action: 'createApiKey', after: { name } }] });
  expect(await keysNamed(name)).toBe(1);
});

test('another body under the key of a plane that is gone is refused, too', async () => {
  const name = randomUUID();
  await send({ key: name });
  await plane.database.query(`update idempotent_requests set answer = null, is_done = false, renewed_at = now() - interval '1 minute'`);
  expect(codeOf(await send({ key: name, name: `${name} 2` }))).toBe('IDEMPOTENCY_KEY_REUSED');
});

test('what signs somebody in takes no key, since its cookie cannot be given again', async () => {
  const query = 'mutation { signIn(input: { email: "a@example.com", password: "a password" }) { userErrors { code } } }';
  expect(codeOf(await send({ key: randomUUID(), query }))).toBe('BAD_USER_INPUT');
});

test('a key is of one caller: another one, and another organisation, mean something else by it', async () => {
  const name = randomUUID();
  await send({ key: name });
  const { token } = await plane.newAdminToken();
  const other = await plane.newOrganisation(`other-${name}`);
  for (const asker of [token, other.token]) expect(await send({ key: name, token: asker })).toMatchObject({ status: 200, isReplayed: false });
  expect(await keysNamed(name)).toBe(3);
});

test('what was refused before anything ran may be sent again in another form', async () => {
  const name = randomUUID();
  expect((await send({ key: name, query: 'mutation { noSuchField }' })).status).toBe(400);
  expect(await send({ key: name })).toMatchObject({ status: 200, isReplayed: false });
});

test('what was executed and refused is refused again, as it was', async () => {
  const name = randomUUID();
  const { token } = await plane.newAdminToken({ permissions: [] });
  const first = await send({ key: name, token });
  expect(codeOf(first)).toBe('FORBIDDEN');
  expect(await send({ key: name, token })).toEqual({ ...first, isReplayed: true });
});

test('a person has the keys of all sessions, and needs the header against forgery for an old answer, too', async () => {
  const name = randomUUID();
  const { browser } = await newMember(plane, `${name}@example.com`, 'ORG_ADMIN');
  const [first, second] = [
    await browser.ask(CREATE, { name }, { 'turnpike-csrf': '1', 'idempotency-key': name }),
    await browser.ask(CREATE, { name }, { 'turnpike-csrf': '1', 'idempotency-key': name }),
  ];
  expect(answerSchema.parse(second).data).toEqual(first.data);
  const forged = await browser.ask(CREATE, { name }, { 'idempotency-key': name });
  expect(forged.errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' });
});

test.each([
  ['of nobody', { key: 'key', token: null }],
  ['that are two', { key: 'one, two' }],
  ['that is empty', { key: '""' }],
  ['that is too long', { key: 'k'.repeat(256) }],
])('a key %s is refused', async (_what, sent) => {
  const answer = await send(sent);
  expect([answer.status, codeOf(answer)]).toEqual([400, 'BAD_USER_INPUT']);
});

test('a query is asked anew, whatever key it has', async () => {
  const query = 'query($name: String) { viewer { organisation { id } } apiKeys(search: $name) { totalCount } }';
  const [first, second] = [await send({ key: 'query', query }), await send({ key: 'query', query })];
  expect([first.isReplayed, second.isReplayed]).toEqual([false, false]);
});

test('after a day a key means nothing any more, and what is kept of it goes', async () => {
  const name = randomUUID();
  await send({ key: name });
  await plane.database.query(`update idempotent_requests set begun_at = now() - interval '25 hours'`);
  expect(await send({ key: name })).toMatchObject({ status: 200, isReplayed: false });
  expect(await keysNamed(name)).toBe(2);
  await plane.database.query(`update idempotent_requests set begun_at = now() - interval '25 hours'`);
  const orm = await openOrm(plane.database.url, recordingLog().log);
  try {
    await forgetAnswers(acrossOrganisations(orm.em));
  } finally {
    await orm.close(true);
  }
  expect(await plane.database.query('select id from idempotent_requests')).toEqual([]);
});
