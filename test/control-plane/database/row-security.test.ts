/** The second belt: whatever a query forgets to ask, PostgreSQL shows no row of another organisation, and none to whoever names no organisation. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EntityManager, MikroORM } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startControlPlane } from '../../../control-plane/application.ts';
import { McpServerEntity } from '../../../control-plane/mcp-servers/mcp-server.entity.ts';
import { openMigratedOrm, openOrm } from '../../../control-plane/database/orm.ts';
import { acrossOrganisations, asOwner, TENANT_ROLE, withinOrganisation } from '../../../control-plane/database/roles.ts';
import { keepPartitions } from '../../../control-plane/usage-intake/usage-partitions.ts';
import { writeUsage } from '../../../control-plane/usage-intake/usage-writer.ts';
import { newId } from '../../../shared/ids.ts';
import { UsageQueue } from '../../../shared/usage-queue.ts';
import { writeUsageEvent } from '../../../shared/usage-event.ts';
import { AdminClient } from '../../support/admin-client.ts';
import { emptyStores, recordingLog, startTestControlPlane, testSettings, type TestControlPlane } from '../../support/control-plane.ts';
import { startTestPostgres, type TestDatabase } from '../../support/postgres.ts';
import { eventually } from '../../support/processes.ts';
import { usageEvent } from '../../support/usage.ts';

const SERVER = { name: 'Tools', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' };
const OF_ORGANISATIONS = `
  select relname as table, relrowsecurity as enabled, relforcerowsecurity as forced,
    (select count(*)::int from pg_policy where polrelid = pg_class.oid and 'turnpike_app'::regrole = any(polroles)) as policies
  from pg_class join pg_attribute on attrelid = pg_class.oid and attname = 'organisation_id' and not attisdropped
  where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by relname`;
const tablesSchema = z.array(z.object({ table: z.string(), enabled: z.boolean(), forced: z.boolean(), policies: z.number() }));

let plane: TestControlPlane;
let other: Awaited<ReturnType<TestControlPlane['newOrganisation']>>;
let orm: MikroORM;
let tables: z.infer<typeof tablesSchema>;

beforeAll(async () => {
  plane = await startTestControlPlane();
  other = await plane.newOrganisation('other');
  for (const { admin } of [plane, other]) {
    const server = await admin.createServer(SERVER);
    const key = await admin.createApiKey({ policy: { ip: {} } });
    await admin.grant(key.id, server.id);
    await admin.mutate('upsertTeam', 'UpsertTeamInput', { name: 'Team' }, 'team { id }');
    await admin.mutate(
      'createBudget',
      'BudgetInput',
      { name: 'b', ownerType: 'ORGANISATION', limitUsd: '1', schedule: { period: 'DAILY', timezone: 'UTC' } },
      'budget { id }',
    );
  }
  for (const { organisationId } of [plane, other]) plane.usageQueue.append(writeUsageEvent(usageEvent({ organisationId })));
  await eventually(() => (plane.usageQueue.size === 0 ? true : undefined), 'the events being stored');
  orm = await openOrm(plane.database.url, recordingLog().log, TENANT_ROLE);
  tables = tablesSchema.parse(await plane.database.query(OF_ORGANISATIONS));
});
afterAll(async () => {
  await orm?.close(true);
  await plane?.close();
});

test('every table that says whose its rows are is guarded, partitions too, and so are organisations themselves', async () => {
  expect(tables.map(({ table }) => table)).toEqual(
    expect.arrayContaining([
      'admin_tokens',
      'audit_events',
      'config_changes',
      'mcp_usage_records',
      'mcp_usage_records_default',
      'usage_records',
      'usage_records_default',
    ]),
  );
  for (const month of [/^usage_records_\d{4}_\d{2}$/, /^mcp_usage_records_\d{4}_\d{2}$/])
    expect(tables.filter(({ table }) => month.test(table)).length).toBeGreaterThan(1);
  expect(tables.filter(({ enabled, forced, policies }) => !enabled || !forced || policies === 0)).toEqual([]);
  const [organisations] = await plane.database.query(
    `select relrowsecurity and relforcerowsecurity as guarded from pg_class where oid = 'organisations'::regclass`,
  );
  expect(organisations).toEqual({ guarded: true });
});

test('the roles that the control plane works as own nothing, and are above no rule', async () => {
  const roles = await plane.database.query(
    `select rolname, rolsuper or rolbypassrls or rolcanlogin or rolcreaterole as privileged, (select count(*)::int from pg_class where relowner = pg_roles.oid) as owned
     from pg_roles where rolname in ('turnpike_app', 'turnpike_system') order by rolname`,
  );
  expect(roles).toEqual(['turnpike_app', 'turnpike_system'].map((rolname) => ({ rolname, privileged: false, owned: 0 })));
});

/** Rows of each table that has any, by whose they are. */
async function seenBy(em: EntityManager): Promise<Record<string, unknown[]>> {
  const seen: Record<string, unknown[]> = {};
  for (const { table } of tables) {
    const rows = await em.execute(`select distinct organisation_id from "${table}" where organisation_id is not null order by 1`);
    if (rows.length > 0) seen[table] = rows.map((row) => z.object({ organisation_id: z.string() }).parse(row).organisation_id);
  }
  return seen;
}

describe('plain SQL without any condition', () => {
  test('sees nothing at all without an organisation', async () => {
    expect(await seenBy(orm.em.fork())).toEqual({});
    expect(await seenBy(withinOrganisation(orm.em, ''))).toEqual({});
    expect(await orm.em.fork().execute('select id from organisations')).toEqual([]);
  });

  test('sees the rows of the organisation that is named, in every table, and of no other', async () => {
    const all = await seenBy(acrossOrganisations(orm.em));
    expect(Object.keys(all)).toEqual(
      expect.arrayContaining([
        'access_grants',
        'api_keys',
        'audit_events',
        'limits',
        'mcp_servers',
        'mcp_usage_records',
        'policies',
        'teams',
        'usage_days',
        'usage_records',
      ]),
    );
    for (const { organisationId } of [plane, other]) {
      const own = withinOrganisation(orm.em, organisationId);
      const tablesOfIts = Object.keys(all).filter((table) => all[table]?.includes(organisationId));
      expect(await seenBy(own)).toEqual(Object.fromEntries(tablesOfIts.map((table) => [table, [organisationId]])));
      expect(await own.execute('select id from organisations')).toEqual([{ id: organisationId }]);
    }
  });

  test('writes no row of another organisation, and changes none', async () => {
    const own = withinOrganisation(orm.em, plane.organisationId);
    await expect(own.execute(`insert into teams (id, organisation_id, slug, name) values ('tea_x', ?, 'x', 'x')`, [other.organisationId])).rejects.toThrow(
      'row-level security',
    );
    await own.execute(`update mcp_servers set name = 'taken'`);
    await own.execute('delete from access_grants');
    expect(await plane.database.query('select organisation_id from access_grants')).toEqual([{ organisation_id: other.organisationId }]);
    expect(await plane.database.query(`select organisation_id from mcp_servers where name = 'taken'`)).toEqual([{ organisation_id: plane.organisationId }]);
  });

  test('can add audit events and read them, and nothing else', async () => {
    const own = withinOrganisation(orm.em, plane.organisationId);
    await expect(own.execute('delete from audit_events')).rejects.toThrow('permission denied');
    await expect(own.execute(`update audit_events set action = 'x'`)).rejects.toThrow('permission denied');
  });
});

test('an entity that is asked for without the tenant filter is one of the own organisation all the same', async () => {
  const found = await withinOrganisation(orm.em, other.organisationId).find(McpServerEntity, {}, { filters: false });
  expect(found.map(({ organisationId }) => organisationId)).toEqual([other.organisationId]);
});

test('a connection of the pool keeps nothing of the transaction before: neither an organisation nor a role, whether it committed or failed', async () => {
  const count = `select count(*)::int as count, current_user::text as role, current_setting('app.organisation_id', true) as organisation from teams`;
  const before = [
    () => withinOrganisation(orm.em, plane.organisationId).execute(count),
    () => acrossOrganisations(orm.em).execute(count),
    () =>
      withinOrganisation(orm.em, other.organisationId)
        .execute('select 1 / 0')
        .catch(() => undefined),
    () =>
      acrossOrganisations(orm.em)
        .transactional((em) => em.execute('select 1 / 0'))
        .catch(() => undefined),
  ];
  for (const work of before) {
    // As many at once as the pool has connections, so that each of them has done it.
    await Promise.all(Array.from({ length: 10 }, work));
    const after = await Promise.all(Array.from({ length: 10 }, () => orm.em.fork().execute(count)));
    for (const [row] of after) expect(row).toMatchObject({ count: 0, role: 'turnpike_app' });
    expect(new Set(after.map(([row]) => z.object({ organisation: z.string().nullable() }).parse(row).organisation ?? ''))).toEqual(new Set(['']));
  }
});

describe('an operator whose PostgreSQL signs Turnpike in as no superuser', () => {
  test.each([
    ['lets it make the roles', 'create role plain login createrole'],
    [
      'has made the roles',
      'create role turnpike_app nologin; create role turnpike_system nologin; create role plain login; grant turnpike_app, turnpike_system to plain',
    ],
  ])('%s: everything works, usage and its months included', async (_name, statements) => {
    const database = await startTestPostgres();
    const directory = await mkdtemp(join(tmpdir(), 'turnpike-plain-'));
    const databaseUrl = await plainDatabase(database, statements);
    const queue = new UsageQueue();
    const running = await startControlPlane(testSettings({ DATABASE_URL: databaseUrl, TURNPIKE_DATA_DIR: directory }), {
      log: recordingLog().log,
      ...emptyStores(),
      usageSource: queue,
    });
    try {
      const admin = new AdminClient(`${running.url}/graphql`, (await readFile(join(directory, 'admin-token'), 'utf8')).trim());
      await admin.createServer(SERVER);
      const { viewer } = await admin.query('{ viewer { organisation { id } } }');
      const { organisation } = z.object({ organisation: z.object({ id: z.string() }) }).parse(viewer);
      queue.append(writeUsageEvent(usageEvent({ organisationId: organisation.id })));
      const records = await eventually(async () => {
        const answer = await admin.query(
          '{ usageRecords(filter: {range: {}}) { nodes { mcp { tool } } } servers { nodes { name } } auditEvents { nodes { action } } }',
        );
        return JSON.stringify(answer).includes('echo') ? answer : undefined;
      }, 'the record being there');
      expect(records).toMatchObject({ servers: { nodes: [{ name: 'Tools' }] }, auditEvents: { nodes: [{ action: 'createServer' }] } });
      expect(await monthOfWaiting(databaseUrl)).toBe('usage_records_2020_02');
    } finally {
      await running.close();
      await database.stop();
      await rm(directory, { recursive: true, force: true });
    }
  });
});

test.each([
  ['may make no roles', 'create role plain login'],
  ['has not been given roles that another database has made', 'create role turnpike_app; create role turnpike_system; create role plain login createrole'],
])('an account that %s is told what to do, and nothing is migrated', async (_name, statements) => {
  const database = await startTestPostgres();
  try {
    const orm = openMigratedOrm(await plainDatabase(database, statements), recordingLog().log);
    await expect(orm).rejects.toThrow('PostgreSQL lets plain not work as turnpike_app: have both roles made and granted as docs/tenancy.md says');
  } finally {
    await database.stop();
  }
});

/** The URL of an empty database of an account that is no superuser. */
async function plainDatabase(server: TestDatabase, statements: string): Promise<string> {
  await server.query(statements);
  await server.query('create database plain owner plain');
  const url = new URL(server.url);
  url.username = 'plain';
  url.pathname = '/plain';
  return url.href;
}

/** Has a record of long ago moved out of the partition by default, and answers where it is then. */
async function monthOfWaiting(databaseUrl: string): Promise<string> {
  const orm = await openOrm(databaseUrl, recordingLog().log, TENANT_ROLE);
  try {
    const requestId = newId('request', Date.UTC(2020, 1, 3));
    await writeUsage(acrossOrganisations(orm.em), [usageEvent({ requestId })]);
    await keepPartitions(asOwner(orm.em), Date.now(), undefined);
    const [row] = await acrossOrganisations(orm.em).execute('select tableoid::regclass::text as partition from usage_records where request_id = ?', [
      requestId,
    ]);
    return z.object({ partition: z.string() }).parse(row).partition;
  } finally {
    await orm.close(true);
  }
}
