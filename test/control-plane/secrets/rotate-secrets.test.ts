/** A rotation is told to each organisation whose secrets it sealed anew: as it happened, whatever ends it, and without a secret. */
import { randomBytes } from 'node:crypto';
import type { MikroORM } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { verifyAudit } from '../../../control-plane/audit/verify-audit.ts';
import { openOrm } from '../../../control-plane/database/orm.ts';
import { acrossOrganisations } from '../../../control-plane/database/roles.ts';
import { rotateSecrets, type Rotation } from '../../../control-plane/secrets/rotate-secrets.ts';
import { SecretKey } from '../../../shared/secret-key.ts';
import { SecretSealer } from '../../../shared/sealed-secret.ts';
import type { AdminClient } from '../../support/admin-client.ts';
import { recordingLog, startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';

const eventSchema = z.object({
  actorKind: z.string(),
  actorId: z.string(),
  targetId: z.string(),
  before: z.object({ valuesByKey: z.record(z.string(), z.number()) }),
  after: z.object({ valuesByKey: z.record(z.string(), z.number()) }),
  requestId: z.string(),
});
type RotationEvent = z.infer<typeof eventSchema>;

let plane: TestControlPlane;
let other: AdminClient;
let otherId: string;
let orm: MikroORM;
/** The key that seals at present. */
let current: SecretKey;

beforeAll(async () => {
  plane = await startTestControlPlane();
  ({ admin: other, organisationId: otherId } = await plane.newOrganisation('other'));
  orm = await openOrm(plane.database.url, recordingLog().log);
  current = new SecretKey(plane.settings.secretKey);
  const server = (slug: string) => ({ name: slug, slug, transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/mcp' });
  const auth = { oauth2: { mode: 'CLIENT_CREDENTIALS', tokenUrl: 'http://127.0.0.1:9/token', clientId: 'turnpike', clientSecret: 'secret-of-a-client' } };
  for (const slug of ['one', 'two', 'three']) await plane.admin.createServer({ ...server(slug), auth: { bearer: { token: `secret-of-${slug}` } } });
  await other.createServer({ ...server('one'), auth });
});

afterAll(async () => {
  await orm?.close(true);
  await plane?.close();
});

let before: { own: number; others: number };
beforeEach(async () => {
  before = { own: (await eventsOf(plane.admin)).length, others: (await eventsOf(other)).length };
});

/** Oldest first. */
async function eventsOf(admin: AdminClient): Promise<RotationEvent[]> {
  const { auditEvents } = await admin.query(
    '{ auditEvents(first: 100, filter: {action: ["rotateSecrets"]}) { nodes { actorKind actorId targetId before after requestId } } }',
  );
  return z
    .object({ nodes: z.array(eventSchema) })
    .parse(auditEvents)
    .nodes.toReversed();
}

const newEvents = async () => ({ own: (await eventsOf(plane.admin)).slice(before.own), others: (await eventsOf(other)).slice(before.others) });

async function rotate(next: SecretKey, rotation: Partial<Rotation>): Promise<void> {
  const sealer = new SecretSealer(next, [current]);
  await rotateSecrets(acrossOrganisations(orm.em), sealer, { requestId: 'req_rotation', onBatch: () => undefined, ...rotation });
  current = next;
}

/** How many values of servers the key seals. */
async function sealedWith({ id }: SecretKey, organisationId: string): Promise<number> {
  const [row] = await plane.database.query(
    `select count(*) as count from mcp_servers, jsonb_path_query(auth, 'strict $.** ? (exists (@.box))') as found (value)
     where organisation_id = $1 and found.value ->> 'keyId' = $2`,
    [organisationId, id],
  );
  return Number(row?.['count']);
}

const sumOf = (events: readonly RotationEvent[], { id }: SecretKey) => events.reduce((sum, { after }) => sum + (after.valuesByKey[id] ?? 0), 0);
const newKey = () => new SecretKey(randomBytes(32).toString('base64'));

test('each organisation hears who put how many of its values from which key under which, and nothing of another one', async () => {
  const [old, next] = [current, newKey()];
  await rotate(next, {});
  const told = (values: number) => ({
    actorKind: 'OPERATOR',
    actorId: 'command-line',
    targetId: 'mcp_servers',
    before: { valuesByKey: { [old.id]: values } },
    after: { valuesByKey: { [next.id]: values } },
    requestId: 'req_rotation',
  });
  expect(await newEvents()).toEqual({ own: [told(3)], others: [told(1)] });
});

test('one that ends in the middle has told what it did, and the next one tells the rest', async () => {
  const next = newKey();
  let batches = 0;
  const ending = rotate(next, {
    batchRows: 1,
    onBatch: () => {
      if (++batches === 2) throw new Error('killed');
    },
  });
  await expect(ending).rejects.toThrow('killed');
  const first = await newEvents();
  const done = { own: await sealedWith(next, plane.organisationId), others: await sealedWith(next, otherId) };
  expect(done.own + done.others).toBe(2);
  expect({ own: sumOf(first.own, next), others: sumOf(first.others, next) }).toEqual(done);
  await rotate(next, { batchRows: 1, requestId: 'req_again' });
  const both = await newEvents();
  expect({ own: sumOf(both.own, next), others: sumOf(both.others, next) }).toEqual({ own: 3, others: 1 });
  expect(new Set(both.own.map(({ requestId }) => requestId))).toContain('req_again');
});

test('a batch that is taken back tells nothing', async () => {
  const stray = new SecretSealer(newKey());
  await plane.database.query(`update mcp_servers set auth = jsonb_set(auth, '{token}', $1) where slug = 'three'`, [
    JSON.stringify(stray.seal('x', { organisationId: plane.organisationId, ownerId: 'srv_x', field: 'auth.token' })),
  ]);
  const old = current;
  await expect(rotate(newKey(), {})).rejects.toThrow();
  expect(await newEvents()).toEqual({ own: [], others: [] });
  expect(await sealedWith(old, otherId)).toBe(1);
  await plane.database.query(`update mcp_servers set auth = '{"type": "NONE"}' where slug = 'three'`);
});

test('one that finds nothing to do tells nothing', async () => {
  await rotate(current, {});
  expect(await newEvents()).toEqual({ own: [], others: [] });
});

test('the chains hold, and no event has a secret or a box', async () => {
  const reports = await verifyAudit(orm.em, []);
  expect(reports.map(({ fault }) => fault)).toEqual([undefined, undefined]);
  const stored = JSON.stringify(await plane.database.query(`select * from audit_events where action = 'rotateSecrets'`));
  expect(stored).not.toMatch(/secret-of|box|wrappedKey/);
});
