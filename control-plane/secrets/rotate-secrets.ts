/** Puts everything that is sealed under the key in use, batch by batch: whatever ends it, what was done is done and told, and the next run does the rest. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import type { ConfigChange } from '../../shared/config-document.ts';
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import { ACROSS_TENANTS } from '../database/tenant-filter.ts';
import { upsertOfMcpServer } from '../mcp-servers/mcp-server.document.ts';
import { McpServerEntity } from '../mcp-servers/mcp-server.entity.ts';
import { upsertOfUpstreamToken } from '../upstream-oauth/upstream-connection.document.ts';
import { UpstreamConnectionEntity } from '../upstream-oauth/upstream-connection.entity.ts';
import { upsertOfInstallation } from './installation.ts';
import { rewrapWithin } from './rewrap.ts';
import { RewrappedValues } from './rewrapped-values.ts';
import { CHANGE_LOG, SEALED_TABLES, type SealedTable } from './sealed-columns.ts';

export interface Rotation {
  /** In the audit events of all that is done. */
  readonly requestId: string;
  /** Called after each batch is committed. */
  readonly onBatch: (table: string, rows: number) => void;
  readonly batchRows?: number;
}

const BATCH_ROWS = 100;
/** Sealed values, wherever they stand in a piece of JSON. */
const SEALED = 'strict $.** ? (exists (@.box))';
const SEALED_BY_OTHERS = 'strict $.** ? (exists (@.box) && @.keyId != $key)';
/** Those, and what was sealed before there were data keys. */
const SEALED_THE_OLD_WAY = 'strict $.** ? (exists (@.box) && (@.keyId != $key || !(exists (@.wrappedKey))))';
/** Takes a path and a key. */
const holds = (column: string): string => `jsonb_path_exists(${column}, ?::jsonpath, jsonb_build_object('key', ?::text))`;
const rowsSchema = z.array(z.looseObject({ id: z.string(), organisation_id: z.string().optional() }));
const versionSchema = z.tuple([z.object({ version: z.string().nullable() })]);
const countsSchema = z.array(z.object({ keyId: z.string(), count: z.coerce.number() }));

/** `em` sees the rows of all organisations. Resolves when no row is left that another key seals. */
export async function rotateSecrets(em: EntityManager, sealer: SecretSealer, rotation: Rotation): Promise<void> {
  for (const table of SEALED_TABLES) {
    let afterId: string | undefined = '';
    while (afterId !== undefined) afterId = await rotateBatch(em, sealer, { table, afterId, rotation });
  }
  await forgetOldChanges(em, sealer);
}

/** How many values each key seals, in every place where there are any; what the feed remembers is one of them. */
export async function countSealed(em: EntityManager): Promise<ReadonlyMap<string, number>> {
  const places = [...SEALED_TABLES.flatMap(({ name, columns }) => columns.map((column) => [name, column.name])), [CHANGE_LOG.table, CHANGE_LOG.column]];
  const ids = places.map(([table, column]) => `select found.value ->> 'keyId' as id from ${table}, jsonb_path_query(${column}, ?::jsonpath) as found (value)`);
  const rows = await em.fork().execute(
    `select id as "keyId", count(*) as count from (${ids.join(' union all ')}) as every_one group by id order by id`,
    ids.map(() => SEALED),
  );
  return new Map(countsSchema.parse(rows).map(({ keyId, count }) => [keyId, count]));
}

/** Answers the id to go on behind; undefined when the table is done. */
async function rotateBatch(
  em: EntityManager,
  sealer: SecretSealer,
  { table, afterId, rotation }: { table: SealedTable; afterId: string; rotation: Rotation },
): Promise<string | undefined> {
  const { requestId, onBatch, batchRows = BATCH_ROWS } = rotation;
  const values = [afterId, ...table.columns.flatMap(() => [SEALED_THE_OLD_WAY, sealer.keyId]), batchRows];
  const rows = await em.fork().transactional(async (inside) => {
    const found = rowsSchema.parse(await inside.execute(selectionOf(table), values));
    const rewrapped = new RewrappedValues();
    for (const row of found) await rewrite(inside, { sealer, table, row, rewrapped });
    const ids = found.map(({ id }) => id);
    const changes = await changesOf(inside, table, ids);
    if (changes.length > 0) await appendConfigChanges(inside, changes);
    rewrapped.audit(inside, { requestId, table: table.name, keyId: sealer.keyId });
    return found;
  });
  if (rows.length > 0) onBatch(table.name, rows.length);
  return rows.at(-1)?.id;
}

/** Rows with a value that another key seals, or that has no data key. */
function selectionOf({ name, id, columns }: SealedTable): string {
  const names = columns.map((column) => column.name);
  const organisation = name === 'installation_secrets' ? '' : ', organisation_id';
  return `select ${id} as id${organisation}, ${names.join(', ')} from ${name} where ${id} > ? and (${names.map(holds).join(' or ')}) order by ${id} limit ? for update`;
}

interface Rewriting {
  readonly sealer: SecretSealer;
  readonly table: SealedTable;
  readonly row: z.infer<typeof rowsSchema>[number];
  readonly rewrapped: RewrappedValues;
}

async function rewrite(em: EntityManager, { sealer, table, row, rewrapped }: Rewriting): Promise<void> {
  const { id, organisation_id: organisationId } = row;
  const onRewrapped = (keyId: string) => organisationId !== undefined && rewrapped.add(organisationId, keyId);
  const values = table.columns.map(({ name, placeOf }) => {
    const value = row[name];
    const owner = { id, organisationId: organisationId ?? '' };
    const how = { sealer, placeOf: placeOf === undefined ? undefined : (path: readonly string[]) => placeOf(owner, path), onRewrapped };
    return value == null ? null : JSON.stringify(rewrapWithin(value, how));
  });
  const settings = table.columns.map(({ name }) => `${name} = ?::jsonb`).join(', ');
  await em.execute(`update ${table.name} set ${settings} where ${table.id} = ?`, [...values, id]);
}

/** What the data planes hold of it: they get it anew, so that they can do without the old key as well. */
async function changesOf(em: EntityManager, { name }: SealedTable, ids: readonly string[]): Promise<ConfigChange[]> {
  const found = { id: { $in: [...ids] } };
  if (ids.length === 0) return [];
  switch (name) {
    case 'mcp_servers':
      return (await em.find(McpServerEntity, found, ACROSS_TENANTS)).map(upsertOfMcpServer);
    case 'upstream_connections':
      return (await em.find(UpstreamConnectionEntity, found, ACROSS_TENANTS)).map(upsertOfUpstreamToken).filter((upsert) => upsert !== undefined);
    case 'installation_secrets':
      return upsertOfInstallation(em);
    default:
      return [];
  }
}

/** A data plane that has been away for longer than the changes reach back gets a snapshot. */
async function forgetOldChanges(em: EntityManager, sealer: SecretSealer): Promise<void> {
  await em.fork().transactional(async (inside) => {
    const [{ version }] = versionSchema.parse(
      await inside.execute(`select max(version)::text as version from ${CHANGE_LOG.table} where ${holds(CHANGE_LOG.column)}`, [SEALED_BY_OTHERS, sealer.keyId]),
    );
    if (version === null) return;
    await inside.execute('select forget_config_changes(?)', [String(BigInt(version) + 1n)]);
  });
}
