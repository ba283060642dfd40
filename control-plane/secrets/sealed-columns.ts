/** Every column that holds sealed values, and where those of it belong that were sealed before each had a data key of its own. */
import type { SecretPlace } from '../../shared/sealed-secret.ts';
import { stdioEnvField } from '../../shared/mcp-server.ts';

export interface SealedColumn {
  readonly name: string;
  /** Of a value without a data key, by its path within the column. Undefined where there never was one. */
  readonly placeOf?: (owner: { readonly id: string; readonly organisationId: string }, path: readonly string[]) => SecretPlace;
}

export interface SealedTable {
  readonly name: string;
  readonly id: string;
  readonly columns: readonly SealedColumn[];
}

export const SEALED_TABLES: readonly SealedTable[] = [
  {
    name: 'mcp_servers',
    id: 'id',
    columns: [
      { name: 'auth', placeOf: ({ id, organisationId }, path) => ({ organisationId, ownerId: id, field: ['auth', ...path].join('.') }) },
      { name: 'stdio_env', placeOf: ({ id, organisationId }, path) => ({ organisationId, ownerId: id, field: stdioEnvField(path.join('.')) }) },
    ],
  },
  { name: 'upstream_connections', id: 'id', columns: [{ name: 'access_token' }, { name: 'refresh_token' }, { name: 'registration' }] },
  { name: 'oauth_clients', id: 'id', columns: [{ name: 'client_secret' }] },
  { name: 'oauth_flows', id: 'id', columns: [{ name: 'verifier' }, { name: 'registration' }] },
  { name: 'idempotent_requests', id: 'id', columns: [{ name: 'answer' }] },
  { name: 'installation_secrets', id: 'name', columns: [{ name: 'sealed' }] },
];

/** Where the feed remembers what it has sent; never sealed anew, but forgotten. */
export const CHANGE_LOG = { table: 'config_changes', column: 'change' } as const;
