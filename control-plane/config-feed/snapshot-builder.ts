/** Reads the whole configuration that a data plane may see, as it stands at one version, and packs it into parts. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { IsolationLevel } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import type { ConfigUpsert, SnapshotPayload } from '../../shared/config-document.ts';
import { upsertOfAccessGrant } from '../access-grants/access-grant.document.ts';
import { AccessGrantEntity } from '../access-grants/access-grant.entity.ts';
import { upsertOfApiKey } from '../api-keys/api-key.document.ts';
import { ApiKeyEntity } from '../api-keys/api-key.entity.ts';
import { TENANT_FILTER } from '../database/tenant-filter.ts';
import { upsertOfMcpServer } from '../mcp-servers/mcp-server.document.ts';
import { McpServerEntity } from '../mcp-servers/mcp-server.entity.ts';
import { upsertOfOrganisation } from '../organisations/organisation.document.ts';
import { OrganisationEntity } from '../organisations/organisation.entity.ts';
import { upsertOfPolicy } from '../policies/policy.document.ts';
import { PolicyEntity } from '../policies/policy.entity.ts';

export interface BuiltSnapshot {
  readonly version: string;
  readonly upserts: readonly ConfigUpsert[];
}

const ENTITIES_PER_PART = 1000;
const pack = promisify(gzip);
const versionSchema = z.object({ version: z.string() });

/** `organisationIds` null means all. The feed crosses tenants on purpose, so the tenant filter is off here and nowhere else. */
export function readSnapshot(em: EntityManager, organisationIds: readonly string[] | null): Promise<BuiltSnapshot> {
  return em.fork().transactional(
    async (reader) => {
      const [row] = await reader.execute('select version::text as version from config_version');
      const { version } = versionSchema.parse(row);
      const owned = organisationIds === null ? {} : { organisationId: { $in: [...organisationIds] } };
      const options = { filters: { [TENANT_FILTER]: false } };
      const organisations = await reader.find(OrganisationEntity, organisationIds === null ? {} : { id: { $in: [...organisationIds] } });
      const upserts = [
        ...organisations.map(upsertOfOrganisation),
        ...(await reader.find(ApiKeyEntity, owned, options)).map(upsertOfApiKey),
        ...(await reader.find(McpServerEntity, owned, options)).map(upsertOfMcpServer),
        ...(await reader.find(AccessGrantEntity, owned, options)).map(upsertOfAccessGrant),
        ...(await reader.find(PolicyEntity, owned, options)).map(upsertOfPolicy),
      ];
      return { version, upserts };
    },
    { isolationLevel: IsolationLevel.REPEATABLE_READ, readOnly: true },
  );
}

/** One part at least: an organisation without anything is a valid configuration. */
export async function* partsOf(upserts: readonly ConfigUpsert[]): AsyncGenerator<SnapshotPayload> {
  const parts = Math.max(1, Math.ceil(upserts.length / ENTITIES_PER_PART));
  for (let part = 0; part < parts; part++) {
    const slice = upserts.slice(part * ENTITIES_PER_PART, (part + 1) * ENTITIES_PER_PART);
    yield { part, parts, gzip: (await pack(JSON.stringify(slice))).toString('base64') };
  }
}
