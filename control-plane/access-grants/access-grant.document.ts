/** Turns a stored grant into what the data planes obey. */
import type { ConfigUpsert } from '../../shared/config-document.ts';
import type { AccessGrant } from './access-grant.entity.ts';

/** What the document is made of. */
export const ACCESS_GRANT_COLUMNS = ['id', 'organisationId', 'apiKeyId', 'mcpServerId', 'toolsAllowed', 'expiresAt'] as const;

export function upsertOfAccessGrant(grant: Pick<AccessGrant, (typeof ACCESS_GRANT_COLUMNS)[number]>): ConfigUpsert {
  return {
    op: 'upsert',
    kind: 'accessGrant',
    value: {
      id: grant.id,
      organisationId: grant.organisationId,
      apiKeyId: grant.apiKeyId,
      mcpServerId: grant.mcpServerId,
      toolsAllowed: grant.toolsAllowed ?? null,
      expiresAtMillis: grant.expiresAt?.getTime() ?? null,
    },
  };
}
