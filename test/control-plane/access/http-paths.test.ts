/** Every path of the control plane beside GraphQL × everybody who might ask: each is told what is theirs, and nothing of others. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { PERMISSIONS, type Permission } from '../../../control-plane/access/permissions.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { allBut, makeStrangers, tokenWith } from './matrix/askers.ts';
import { buildWorld, isAbout, type World } from './matrix/world.ts';

const ASKERS = [
  'nobody',
  'an expired token',
  'a data plane',
  'a token without permissions',
  'a token without the one',
  'another organisation',
  'its own',
] as const;
type Asker = (typeof ASKERS)[number];
const KNOWN: readonly Asker[] = ['a token without permissions', 'a token without the one', 'another organisation', 'its own'];

interface Path {
  readonly path: string;
  /** Without which there is nothing to see. */
  readonly permission?: Permission;
  readonly statuses: Readonly<Record<Asker, number>>;
  /** Who is told of the organisation. */
  readonly told: readonly Asker[];
}

const EXPORT_STATUSES: Path['statuses'] = {
  nobody: 401,
  'an expired token': 401,
  'a data plane': 403,
  'a token without permissions': 403,
  'a token without the one': 403,
  'another organisation': 200,
  'its own': 200,
};
const everybody = (status: number): Path['statuses'] => ({
  nobody: status,
  'an expired token': status,
  'a data plane': status,
  'a token without permissions': status,
  'a token without the one': status,
  'another organisation': status,
  'its own': status,
});
const PATHS: readonly Path[] = [
  { path: '/v1/export/usage?format=jsonl', permission: 'USAGE_READ', statuses: EXPORT_STATUSES, told: ['its own'] },
  { path: '/v1/export/usage?format=csv', permission: 'USAGE_READ', statuses: EXPORT_STATUSES, told: ['its own'] },
  { path: '/v1/export/audit?format=jsonl', permission: 'AUDIT_READ', statuses: EXPORT_STATUSES, told: ['its own'] },
  // A link is all it takes, and these are none: what a token may see makes no difference.
  { path: '/v1/export/download/exp_00000000000000000000000000', statuses: everybody(401), told: [] },
  // What comes with the product is everybody's; a token that is no longer good is told so.
  {
    path: '/v0.1/servers?search=northwind',
    statuses: { ...everybody(200), 'an expired token': 401 },
    told: KNOWN.filter((asker) => asker !== 'another organisation'),
  },
  // Whose a sign-in is, its state tells.
  { path: '/oauth/callback?state=unknown&code=x', statuses: everybody(400), told: [] },
  { path: '/oauth/nothing', statuses: everybody(404), told: [] },
  { path: '/metrics', statuses: everybody(200), told: [] },
  { path: '/v1/health', statuses: everybody(200), told: [] },
  { path: '/v1/healthz', statuses: everybody(200), told: [] },
  { path: '/setup', statuses: everybody(200), told: [] },
  { path: '/v1/nothing', statuses: everybody(404), told: [] },
];

let plane: TestControlPlane;
let ours: World;
let theirs: World;
let expiredToken: string;

beforeAll(async () => {
  plane = await startTestControlPlane();
  ours = await buildWorld(plane, 'northwind');
  theirs = await buildWorld(plane, 'southwind');
  ({ expiredToken } = await makeStrangers(ours));
});
afterAll(async () => {
  await plane?.close();
  for (const { upstream } of [ours, theirs]) await upstream?.close();
});

async function tokenOf(asker: Asker, permission: Permission | undefined): Promise<string | undefined> {
  switch (asker) {
    case 'nobody':
      return undefined;
    case 'an expired token':
      return expiredToken;
    case 'a data plane':
      return ours.dataPlaneToken;
    case 'a token without permissions':
      return tokenWith(ours, []);
    case 'a token without the one':
      return tokenWith(ours, permission === undefined ? [] : allBut(permission));
    case 'another organisation':
      return tokenWith(theirs, PERMISSIONS);
    case 'its own':
      return tokenWith(ours, permission === undefined ? [] : [permission]);
  }
}

async function get(path: string, token?: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${plane.url}${path}`, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
  return { status: response.status, text: await response.text() };
}

describe.each(PATHS)('$path', ({ path, permission, statuses, told }) => {
  test.each(ASKERS)('as %s', async (asker) => {
    const { status, text } = await get(path, await tokenOf(asker, permission));
    expect(status).toBe(statuses[asker]);
    expect(isAbout(ours, text)).toBe(told.includes(asker));
  });
});

test('a link to an export is good for whoever has it, for that one export, as long as he who got it may read it', async () => {
  const { id, token } = await plane.newAdminToken({ organisationId: ours.organisation });
  const link = await eventually(async () => {
    const { data } = await plane.ask('query($id: ID!) { export(id: $id) { downloadUrl } }', { id: ours.exported }, token);
    return z.object({ export: z.object({ downloadUrl: z.string().nullable() }) }).parse(data).export.downloadUrl ?? undefined;
  }, 'the link');
  const mine = await get(link);
  expect(mine.status).toBe(200);
  expect(isAbout(ours, mine.text)).toBe(true);
  expect((await get(link.replace(ours.exported, theirs.exported))).status).toBe(401);
  expect((await get(link.replace(id, ours.adminToken))).status).toBe(401);
  await plane.database.query('update admin_tokens set revoked_at = now() where id = $1', [id]);
  expect((await get(link)).status).toBe(403);
});

test('metrics have no label but that of an outcome', async () => {
  const { text } = await get('/metrics');
  const labels = [...text.matchAll(/^\w+\{(.*)\} /gm)].map(([, label]) => label);
  expect(new Set(labels)).toEqual(new Set(['outcome="success"', 'outcome="refused"']));
});
