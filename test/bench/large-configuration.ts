/** A configuration of 10,000 servers, 100,000 keys and 100,000 grants, as rows of a real database. */
import { newId } from '../../shared/ids.ts';
import { AUTH_SECRET_FIELDS } from '../../shared/mcp-server.ts';
import { FREE } from '../../shared/pricing.ts';
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import type { TestDatabase } from '../support/postgres.ts';

export const SERVERS = 10_000;
export const KEYS = 100_000;
export const GRANTS = 100_000;
const ROWS_PER_INSERT = 5000;
const FILTER = { blockedKeywords: ['internal only', 'do not share'], blockedPatterns: [], applyTo: ['REQUEST'], action: 'BLOCK' };

/** Everything belongs to the organisation, whose row must be there. */
export async function fillDatabase(database: TestDatabase, organisationId: string, sealer: SecretSealer): Promise<void> {
  const serverIds = Array.from({ length: SERVERS }, () => newId('mcpServer'));
  const keyIds = Array.from({ length: KEYS }, () => newId('apiKey'));
  const servers = serverIds.map((id, index) => {
    const token = sealer.seal(`upstream-token-${index}`, { organisationId, ownerId: id, field: AUTH_SECRET_FIELDS.BEARER });
    return {
      id,
      organisation_id: organisationId,
      slug: `server-${index}`,
      name: `Server ${index}`,
      transport: 'STREAMABLE_HTTP',
      endpoint_url: `https://server-${index}.example/mcp`,
      auth: { type: 'BEARER', token },
      enabled: true,
      blocked_tools: ['delete_file', 'drop_table'],
      semantic_filter: index % 4 === 0 ? FILTER : null,
      pricing: { ...FREE, callFemtosUsd: '2000000000' },
    };
  });
  const keys = keyIds.map((id, index) => ({
    id,
    organisation_id: organisationId,
    type: 'ORGANISATION',
    name: `agent ${index}`,
    prefix: `vk_${index}`,
    hash: hashLike(index),
  }));
  const grants = Array.from({ length: GRANTS }, (_, index) => ({
    id: newId('accessGrant'),
    organisation_id: organisationId,
    api_key_id: keyIds[index % KEYS],
    mcp_server_id: serverIds[index % SERVERS],
  }));
  await insert(database, 'mcp_servers', servers);
  await insert(database, 'api_keys', keys);
  await insert(database, 'access_grants', grants);
  await database.query('update config_version set version = version + 1');
  await database.query('analyze');
}

async function insert(database: TestDatabase, table: string, rows: readonly object[]): Promise<void> {
  const columns = Object.keys(rows[0] ?? {}).join(', ');
  for (let at = 0; at < rows.length; at += ROWS_PER_INSERT) {
    await database.query(`insert into ${table} (${columns}) select ${columns} from jsonb_populate_recordset(null::${table}, $1::jsonb)`, [
      JSON.stringify(rows.slice(at, at + ROWS_PER_INSERT)),
    ]);
  }
}

/** As long and as random at its end as a real one. */
function hashLike(index: number): string {
  return `${index}`.padStart(8, '0').repeat(8);
}
