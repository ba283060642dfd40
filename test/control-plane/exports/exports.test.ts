/** An export holds what there was when it was asked for, is downloaded by a link of its own, and by nobody who may not read it any more. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { writeUsageEvent, type UsageEvent } from '../../../shared/usage-event.ts';
import { newMember } from '../../support/browser.ts';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { subscribeTo } from '../../support/subscription.ts';
import { usageEvents } from '../../support/usage.ts';

const FIELDS = 'id kind format state error rows downloadUrl';
const exportSchema = z.object({ id: z.string(), state: z.string(), rows: z.string().nullable(), downloadUrl: z.string().nullable() });
type Told = z.infer<typeof exportSchema>;

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

async function record(count: number, given: Partial<UsageEvent>): Promise<void> {
  for (const event of usageEvents(count, { organisationId: plane.organisationId, ...given })) plane.usageQueue.append(writeUsageEvent(event));
  await eventually(() => (plane.usageQueue.size === 0 ? true : undefined), 'the events being stored');
}

async function create(input: Record<string, unknown>): Promise<Told> {
  const { export: made } = await plane.admin.mutate('createExport', 'CreateExportInput', input, `export { ${FIELDS} }`);
  return exportSchema.parse(made);
}

async function find(id: string, token = plane.token): Promise<Told | null> {
  const { data } = await plane.ask(`query($id: ID!) { export(id: $id) { ${FIELDS} } }`, { id }, token);
  return exportSchema.nullable().parse(data?.['export']);
}

const untilReady = (id: string, token = plane.token) =>
  eventually(async () => {
    const found = await find(id, token);
    return found?.state === 'READY' ? found : undefined;
  }, 'the export being ready');

async function download({ downloadUrl }: Told): Promise<{ status: number; lines: string[] }> {
  const response = await fetch(`${plane.url}${downloadUrl ?? '/none'}`);
  const text = await response.text();
  return { status: response.status, lines: text.trim().split(/\r?\n/) };
}

test('usage that comes after is not in it, and whoever follows it hears that it is ready', async () => {
  await record(5, { tool: 'exported' });
  const made = await create({ kind: 'USAGE', usage: { range: {}, tool: ['exported'] } });
  expect(made).toMatchObject({ state: 'PENDING', rows: null, downloadUrl: null });
  const follower = subscribeTo(plane.graphqlUrl, {
    query: `subscription($id: ID!) { exportChanged(id: $id) { ${FIELDS} } }`,
    variables: { id: made.id },
    token: plane.token,
  });
  onTestFinished(() => follower.close());
  await record(3, { tool: 'exported' });
  const heard = await eventually(async () => {
    const { exportChanged } = z.object({ exportChanged: exportSchema }).parse(await follower.next());
    return exportChanged.state === 'READY' ? exportChanged : undefined;
  }, 'the follower hearing of it');
  expect(heard.rows).toBe('5');
  const { status, lines } = await download(heard);
  expect(status).toBe(200);
  expect(lines.map((line) => z.object({ tool: z.string() }).parse(JSON.parse(line)).tool)).toEqual(Array.from({ length: 5 }, () => 'exported'));
});

test('audit events go into CSV, and making the export is one of them that is not in it', async () => {
  await plane.admin.createApiKey({ name: 'for the trail' });
  const made = await create({ kind: 'AUDIT', format: 'CSV', audit: { action: ['createApiKey', 'createExport'] } });
  const { lines } = await download(await untilReady(made.id));
  expect(lines[0]).toContain('organisationId,position,id');
  expect(lines.at(-1)).toContain('createApiKey');
  expect(lines.join()).not.toContain(made.id);
});

test('a link that was changed, or is no longer good, leads to nothing', async () => {
  const { id } = await create({ kind: 'USAGE' });
  const ready = await untilReady(id);
  const other = await untilReady((await create({ kind: 'USAGE' })).id);
  const url = ready.downloadUrl ?? '';
  for (const wrong of [
    url.replace(id, other.id),
    url.replace(/until=\d+/, `until=${Date.now() + 9_000_000}`),
    url.replace(/signature=\w/, 'signature=x'),
    url.split('?')[0],
  ])
    expect((await download({ ...ready, downloadUrl: wrong ?? '' })).status).toBe(401);
  await plane.database.query(`update exports set expires_at = now() - interval '1 second' where id = $1`, [id]);
  expect((await download(ready)).status).toBe(400);
  expect((await find(id))?.state).toBe('EXPIRED');
});

test('a link is no longer good once whoever asked for it is suspended, or the token is revoked', async () => {
  const { id } = await create({ kind: 'USAGE' });
  await untilReady(id);
  const { token, id: tokenId } = await plane.newAdminToken({ permissions: ['USAGE_READ'] });
  const byToken = await untilReady(id, token);
  const member = await newMember(plane, 'reader@example.com', 'AUDITOR');
  const byMember = exportSchema.parse((await member.browser.ask(`query($id: ID!) { export(id: $id) { ${FIELDS} } }`, { id })).data?.['export']);
  for (const link of [byToken, byMember]) expect((await download(link)).status).toBe(200);
  await plane.database.query('update admin_tokens set revoked_at = now() where id = $1', [tokenId]);
  await plane.database.query(`update memberships set state = 'SUSPENDED' where user_id = $1`, [member.userId]);
  for (const link of [byToken, byMember]) expect((await download(link)).status).toBe(403);
});

test('an export is seen by its own organisation alone, and by whoever may read what it holds', async () => {
  const { id } = await create({ kind: 'AUDIT' });
  const other = await plane.newOrganisation('elsewhere');
  expect(await find(id, other.token)).toBeNull();
  const { token } = await plane.newAdminToken({ permissions: ['USAGE_READ'] });
  const unseen = await plane.ask('query($id: ID!) { export(id: $id) { state } }', { id }, token);
  expect(unseen.errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', permission: 'AUDIT_READ' });
  const refused = await plane.ask('mutation { createExport(input: {kind: AUDIT}) { export { id } } }', {}, token);
  expect(refused.errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', permission: 'AUDIT_READ' });
});

test('a filter of the other kind is refused', async () => {
  const refused = (input: Record<string, unknown>) => userErrorsOf(plane, 'createExport', 'CreateExportInput', input);
  expect(await refused({ kind: 'USAGE', audit: {} })).toMatchObject([{ field: ['audit'], code: 'INVALID' }]);
});
