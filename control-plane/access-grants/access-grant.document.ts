/** Turns a stored grant into what the data planes obey. */
import type { ConfigUpsert } from '../../shared/config-document.ts';
import type { AccessGrant } from './access-grant.entity.ts';

export function upsertOfAccessGrant(grant: AccessGrant): ConfigUpsert {
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
