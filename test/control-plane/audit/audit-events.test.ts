/** Audit events as an auditor reads them: newest first, by page and by filter, as they come, and as a file; never another organisation's. */
import { createClient, type Client } from 'graphql-ws';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { chainHash } from '../../../control-plane/audit/audit-chain.ts';
import { auditRowSchema } from '../../../control-plane/audit/audit-row.ts';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';

const eventSchema = z.object({ position: z.string(), action: z.string(), targetLabel: z.string(), hash: z.string(), previousHash: z.string().nullable() });
const pageSchema = z.object({
  nodes: z.array(eventSchema),
  totalCount: z.number(),
  pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
});
const LIST = `query($first: Int, $after: String, $filter: AuditFilter) { auditEvents(first: $first, after: $after, filter: $filter) {
  nodes { position action targetLabel hash previousHash } totalCount pageInfo { hasNextPage endCursor } } }`;

let plane: TestControlPlane;
let other: Awaited<ReturnType<TestControlPlane['newOrganisation']>>;
let server: { id: string };
const clients: Client[] = [];

beforeAll(async () => {
  plane = await startTestControlPlane();
  other = await plane.newOrganisation('other');
  server = await plane.admin.createServer({ name: '100%_tools', slug: 'tools', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' });
  await userErrorsOf(plane, 'setServerEnabled', 'SetEnabledInput', { id: server.id, enabled: false });
  for (let index = 0; index < 10; index++) await plane.admin.mutate('upsertTeam', 'UpsertTeamInput', { name: `Team ${index}` }, 'team { id }');
  await other.admin.createApiKey({ name: 'theirs' });
});
afterAll(() => plane?.close());
afterEach(async () => {
  for (const client of clients.splice(0)) await client.dispose();
});

async function list(variables: Record<string, unknown> = {}, admin = plane.admin): Promise<z.infer<typeof pageSchema>> {
  return pageSchema.parse((await admin.query(LIST, variables))['auditEvents']);
}

const positionsOf = ({ nodes }: z.infer<typeof pageSchema>) => nodes.map(({ position }) => Number(position));

test('the newest is the first, and pages go on where the one before ended', async () => {
  const first = await list({ first: 7 });
  expect(positionsOf(first)).toEqual([12, 11, 10, 9, 8, 7, 6]);
  expect(first.pageInfo.hasNextPage).toBe(true);
  const second = await list({ first: 7, after: first.pageInfo.endCursor });
  expect(positionsOf(second)).toEqual([5, 4, 3, 2, 1]);
  expect([second.pageInfo.hasNextPage, second.totalCount]).toEqual([false, 12]);
  const chain = [...first.nodes, ...second.nodes];
  expect(chain.map(({ previousHash }) => previousHash)).toEqual([...chain.slice(1).map(({ hash }) => hash), null]);
});

test('another organisation sees its own chain alone', async () => {
  const theirs = await list({}, other.admin);
  expect(theirs.nodes.map(({ position, action }) => [position, action])).toEqual([['1', 'createApiKey']]);
  expect((await list({ filter: { targetId: [server.id] } }, other.admin)).totalCount).toBe(0);
});

describe('the filter', () => {
  const cases: [string, () => Record<string, unknown>, number[]][] = [
    ['an action', () => ({ action: ['createServer'] }), [1]],
    ['one of two actions', () => ({ action: ['createServer', 'setServerEnabled'] }), [2, 1]],
    ['a target', () => ({ targetId: [server.id] }), [2, 1]],
    ['a part of a name, whatever the case', () => ({ search: 'EAM-3' }), [6]],
    ['signs that mean something to a search', () => ({ search: '%' }), []],
    ['a part of an action', () => ({ search: 'enabled' }), [2]],
    ['an actor who did nothing', () => ({ actorId: ['adm_x'] }), []],
    ['no action at all', () => ({ action: [] }), []],
    ['a time that is over', () => ({ range: { lt: '2020-01-01T00:00:00Z' } }), []],
    ['two at once', () => ({ targetId: [server.id], search: 'create' }), [1]],
  ];
  test.each(cases)('finds %s', async (_name, filter, positions) => {
    const page = await list({ filter: filter() });
    expect(positionsOf(page)).toEqual(positions);
    expect(page.totalCount).toBe(positions.length);
  });
});

test.each([
  ['of another list', Buffer.from('aud_1').toString('base64url')],
  ['beyond every position', Buffer.from('9'.repeat(19)).toString('base64url')],
])('a cursor %s is refused', async (_name, after) => {
  await expect(list({ after })).rejects.toThrow('that is no position of an audit event');
});

test('reading needs AUDIT_READ, in whichever way', async () => {
  const { token } = await plane.newAdminToken({ permissions: ['USAGE_READ', 'MEMBER_MANAGE'] });
  expect((await plane.ask('{ auditEvents { totalCount } }', {}, token)).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', permission: 'AUDIT_READ' });
  expect((await plane.ask('{ auditEvents { totalCount } }', {}, null)).errors?.[0]?.extensions).toMatchObject({ code: 'UNAUTHENTICATED' });
  expect((await exported('format=jsonl', token)).status).toBe(403);
  await expect(follow({}, token)()).rejects.toThrow('this needs AUDIT_READ');
});

test('what was tried by a dry run, or refused, leaves no event', async () => {
  const { totalCount } = await list();
  expect(await userErrorsOf(plane, 'updateServer', 'UpdateServerInput', { id: server.id, name: 'Tried', dryRun: true })).toEqual([]);
  expect(await userErrorsOf(plane, 'upsertTeam', 'UpsertTeamInput', { id: 'tea_x', name: 'none' })).toHaveLength(1);
  expect((await list()).totalCount).toBe(totalCount);
});

/** Answers what brings the next event; it fails with the first error. */
function follow(variables: { after?: string }, token = plane.token): () => Promise<{ position: string; targetLabel: string }> {
  const client = createClient({
    url: plane.graphqlUrl.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  });
  clients.push(client);
  const answers = client.iterate({ query: 'subscription($after: BigInt) { auditEventAdded(after: $after) { position targetLabel } }', variables });
  return async () => {
    const { done, value } = await answers.next();
    if (done === true) throw new Error('the subscription ended');
    if (value.errors !== undefined) throw new Error(value.errors.map(({ message }) => message).join('; '));
    return z.object({ auditEventAdded: z.object({ position: z.string(), targetLabel: z.string() }) }).parse(value.data).auditEventAdded;
  };
}

describe('live', () => {
  test('whoever names the last position that he has gets what came since, then what comes, and nothing of others', async () => {
    const last = (await list({ first: 1 })).nodes[0]?.position ?? '0';
    await plane.admin.mutate('upsertTeam', 'UpsertTeamInput', { name: 'Missed' }, 'team { id }');
    const next = follow({ after: last });
    expect((await next()).targetLabel).toBe('missed');
    await other.admin.createApiKey();
    await plane.admin.mutate('upsertTeam', 'UpsertTeamInput', { name: 'Coming' }, 'team { id }');
    expect(await next()).toEqual({ position: String(Number(last) + 2), targetLabel: 'coming' });
  });

  test('a position that can be none is refused', async () => {
    await expect(follow({ after: '-1' })()).rejects.toThrow('that is no position of an audit event');
  });
});

async function exported(search: string, token = plane.token): Promise<{ status: number; type: string | null; text: string }> {
  const response = await fetch(`${plane.url}/v1/export/audit?${search}`, { headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
}

describe('an export', () => {
  test('holds the chain from its beginning, and enough of it to compute every hash again', async () => {
    const { type, text } = await exported('format=jsonl');
    expect(type).toBe('application/x-ndjson');
    const events = text
      .trim()
      .split('\n')
      .map((line) => auditRowSchema.parse(JSON.parse(line)));
    expect(events.map(({ position }) => Number(position))).toEqual(Array.from({ length: (await list()).totalCount }, (_, index) => index + 1));
    for (const [index, event] of events.entries()) {
      expect(event.previousHash).toBe(events[index - 1]?.hash ?? null);
      expect(event.hash).toBe(chainHash(event.previousHash, event));
    }
  });

  test('is CSV as well, with what changed as JSON in a cell, and takes the filter', async () => {
    const { type, text } = await exported('format=csv&action=setServerEnabled&search=TOOLS');
    expect(type).toBe('text/csv; charset=utf-8; header=present');
    const [head, line, ...rest] = text.split('\r\n');
    expect(head).toBe('organisationId,position,id,occurredAt,actorKind,actorId,action,targetId,targetLabel,before,after,requestId,previousHash,hash');
    expect(line).toContain(`,setServerEnabled,${server.id},tools,"{""`);
    expect(rest).toEqual(['']);
  });

  test.each([
    ['format=xml', 'format'],
    ['format=csv&lt=now', 'lt'],
    ['format=csv&search=a&search=b', 'search'],
    ['format=csv&organisationId=org_x', 'there is a parameter that exports do not have'],
  ])('%s is refused', async (search, sentence) => {
    const { status, text } = await exported(search);
    expect(status).toBe(400);
    expect(text).toContain(sentence);
  });
});
