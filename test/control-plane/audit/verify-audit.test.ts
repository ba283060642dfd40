/** No event can be edited, taken out, moved or cut off without being found, and no two writers make a fork. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MikroORM } from '@mikro-orm/postgresql';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AuditHeadKeeper } from '../../../control-plane/audit/audit-head-keeper.ts';
import { AUDIT_HEADS_FILE, HeadSigner, type AuditHead } from '../../../control-plane/audit/audit-heads.ts';
import { chainHash } from '../../../control-plane/audit/audit-chain.ts';
import { AUDIT_COLUMNS, auditRowSchema } from '../../../control-plane/audit/audit-row.ts';
import { verifyAudit } from '../../../control-plane/audit/verify-audit.ts';
import { openOrm } from '../../../control-plane/database/orm.ts';
import { SecretKey } from '../../../shared/secret-key.ts';
import { AdminClient } from '../../support/admin-client.ts';
import { keepAuditEvents, tamper } from '../../support/audit-tampering.ts';
import { recordingLog, startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';

const WRITERS = 100;

let plane: TestControlPlane;
let orm: MikroORM;
let otherId: string;
/** The heads that were kept when all was well. */
let heads: AuditHead[];
let putBack: () => Promise<void>;

beforeAll(async () => {
  plane = await startTestControlPlane();
  orm = await openOrm(plane.database.url, recordingLog().log);
  const other = await plane.newOrganisation('other');
  otherId = other.organisationId;
  // No caller may have so many operations under way, but two may.
  const second = new AdminClient(plane.graphqlUrl, (await plane.newAdminToken()).token);
  const writer = (index: number) => (index % 10 === 0 ? other.admin : index % 2 === 0 ? second : plane.admin);
  await Promise.all(Array.from({ length: WRITERS }, (_, index) => writer(index).createApiKey({ name: `at once ${index}` })));
  heads = await keptHeads();
  putBack = await keepAuditEvents(plane.database);
});
afterEach(() => putBack());
afterAll(async () => {
  await orm?.close(true);
  await plane?.close();
});

const signerOf = () => new HeadSigner(new SecretKey(plane.settings.secretKey));

/** Has the heads kept as they are now, and reads them from the file. */
async function keptHeads(): Promise<AuditHead[]> {
  const { dataDirectory } = plane.settings;
  await new AuditHeadKeeper({ em: orm.em, signer: signerOf(), dataDirectory, log: recordingLog().log }).close();
  const lines = (await readFile(join(dataDirectory, AUDIT_HEADS_FILE), 'utf8')).trim().split('\n');
  return lines.map((line) => signerOf().read(line)).filter((head) => head !== undefined);
}

async function faultOf(organisationId: string, given: readonly AuditHead[] = []): Promise<string | undefined> {
  const reports = await verifyAudit(orm.em, given);
  return reports.find((report) => report.organisationId === organisationId)?.fault;
}

test('a hundred writers at once make one chain for each organisation, without gap and without fork', async () => {
  expect(await verifyAudit(orm.em, heads)).toEqual(
    [
      { organisationId: plane.organisationId, events: 90, heads: 1, fault: undefined },
      { organisationId: otherId, events: 10, heads: 1, fault: undefined },
    ].toSorted((left, right) => (left.organisationId < right.organisationId ? -1 : 1)),
  );
});

describe('found is', () => {
  const NOT_AS_WRITTEN = (position: number) => new RegExp(`^position ${position} \\(aud_\\w+\\) is not as it was written$`);
  const NOT_FOLLOWING = (position: number) => new RegExp(`^position ${position} \\(aud_\\w+\\) does not follow from the event before it$`);

  /** `$own` stands for what makes it the chain of the one organisation. */
  test.each([
    ['an edit of what a change was', `update audit_events set after = '{}' where $own and position = 7`, NOT_AS_WRITTEN(7)],
    ['an edit of who made it', `update audit_events set actor_id = 'adm_x' where $own and position = 90`, NOT_AS_WRITTEN(90)],
    [
      'an edit of when, by a microsecond',
      `update audit_events set occurred_at = occurred_at + interval '1 microsecond' where $own and position = 1`,
      NOT_AS_WRITTEN(1),
    ],
    ['a deletion', 'delete from audit_events where $own and position between 5 and 6', /^position 5 is missing: what comes next is position 7 \(aud_\w+\)$/],
    ['a deletion of the first', 'delete from audit_events where $own and position = 1', /^position 1 is missing: what comes next is position 2 /],
    [
      'a deletion that was closed up',
      `delete from audit_events where $own and position = 5;
       update audit_events set position = -position where $own and position > 5; update audit_events set position = -position - 1 where $own and position < 0`,
      NOT_FOLLOWING(5),
    ],
    [
      'a change of the order',
      `update audit_events set position = -3 where $own and position = 3; update audit_events set position = 3 where $own and position = 4;
       update audit_events set position = 4 where $own and position = -3`,
      NOT_FOLLOWING(3),
    ],
    [
      'an event in front of the first',
      `insert into audit_events (id, organisation_id, occurred_at, actor_kind, actor_id, action, target_id, target_label, request_id, position, previous_hash, hash)
       select 'aud_x', organisation_id, occurred_at, actor_kind, actor_id, action, target_id, target_label, request_id, 0, 'x', 'x'
       from audit_events where $own and position = 1`,
      /^position 0 \(aud_x\) was put in where position 1 should be$/,
    ],
  ])('%s', async (_name, statements, fault) => {
    await tamper(plane.database, statements.replaceAll('$own', `organisation_id = '${plane.organisationId}'`));
    expect(await faultOf(plane.organisationId)).toMatch(fault);
    expect(await faultOf(otherId)).toBeUndefined();
  });

  test('a chain that was cut off at its end, by the head that was kept', async () => {
    await tamper(plane.database, `delete from audit_events where organisation_id = '${otherId}' and position > 8`);
    expect(await faultOf(otherId)).toBeUndefined();
    expect(await faultOf(otherId, heads)).toMatch(/^the chain was cut off behind position 8: at .* it ended at position 10$/);
  });

  test('a chain that is gone altogether', async () => {
    await tamper(plane.database, `delete from audit_events where organisation_id = '${otherId}'`);
    expect(await faultOf(otherId, heads)).toContain('the chain was cut off behind position 0');
  });

  test('a chain that was cut off and has grown again since', async () => {
    await tamper(plane.database, `delete from audit_events where organisation_id = '${plane.organisationId}' and position > 88`);
    for (const name of ['one', 'two', 'three']) await plane.admin.createApiKey({ name });
    const all = await keptHeads();
    expect(await faultOf(plane.organisationId, all)).toMatch(/^the chain up to position 90 \(aud_\w+\) was written anew/);
  });

  test('a chain that was written anew with hashes that fit, by the head that was kept', async () => {
    await tamper(plane.database, `update audit_events set target_label = 'harmless' where organisation_id = '${otherId}' and position = 4`);
    await rehash(otherId);
    expect(await faultOf(otherId)).toBeUndefined();
    expect(await faultOf(otherId, heads)).toMatch(/^the chain up to position 10 \(aud_\w+\) was written anew/);
  });
});

/** What somebody would do who can change everything in the database, but has no secret key. */
async function rehash(organisationId: string): Promise<void> {
  const rows = await plane.database.query(`select ${AUDIT_COLUMNS} from audit_events where organisation_id = $1 order by audit_events.position`, [
    organisationId,
  ]);
  let previous: string | null = null;
  for (const row of auditRowSchema.array().parse(rows)) {
    const hash = chainHash(previous, row);
    await tamper(
      plane.database,
      `update audit_events set hash = '${hash}', previous_hash = ${previous === null ? 'null' : `'${previous}'`} where id = '${row.id}'`,
    );
    previous = hash;
  }
}

test('a head that was signed with another key, or changed since, is none', async () => {
  const [head] = heads;
  if (head === undefined) throw new Error('no head was kept');
  const line = JSON.stringify(signerOf().sign(head));
  expect(signerOf().read(line)).toEqual(head);
  expect(signerOf().read(line.replace(`"position":"${head.position}"`, '"position":"1"'))).toBeUndefined();
  expect(new HeadSigner(new SecretKey(Buffer.alloc(32, 'another').toString('base64'))).read(line)).toBeUndefined();
  expect(signerOf().read('no head at all')).toBeUndefined();
});

test('heads are kept when they are new, in the log as well, and only then', async () => {
  const { log, lines } = recordingLog();
  const keeper = new AuditHeadKeeper({ em: orm.em, signer: signerOf(), dataDirectory: plane.settings.dataDirectory, log });
  await keeper.close();
  const told = lines.map((line): unknown => JSON.parse(line)).filter((record) => typeof record === 'object' && record !== null && 'auditHead' in record);
  expect(told).toHaveLength(2);
});

test.each([
  ['changed', `update audit_events set action = 'x'`],
  ['deleted', 'delete from audit_events where false'],
  ['truncated', 'truncate audit_events'],
  ['truncated with others', 'truncate organisations cascade'],
])('the database refuses to have events %s, even by its owner', async (_how, statement) => {
  await expect(plane.database.query(statement)).rejects.toThrow('audit events are only ever added');
});
