/** Turns a stored key into what the data planes obey. */
import type { ConfigUpsert } from '../../shared/config-document.ts';
import type { ApiKey as ApiKeyDocument } from '../../shared/api-key.ts';
import type { ApiKey } from './api-key.entity.ts';

export function toApiKeyDocument(key: ApiKey): ApiKeyDocument {
  const hashes = [{ hash: key.hash, validUntilMillis: null }];
  const previous = key.previousHash == null ? [] : [{ hash: key.previousHash, validUntilMillis: key.graceUntil?.getTime() ?? 0 }];
  return {
    id: key.id,
    organisationId: key.organisationId,
    type: key.type,
    name: key.name,
    prefix: key.prefix,
    teamId: key.teamId ?? null,
    userId: key.userId ?? null,
    userDomain: key.userDomain ?? null,
    hashes: [...hashes, ...previous],
    state: key.state,
    expiresAtMillis: key.expiresAt?.getTime() ?? null,
    denialStyle: key.denialStyle ?? null,
    agentId: key.agentId ?? null,
  };
}

export function upsertOfApiKey(key: ApiKey): ConfigUpsert {
  return { op: 'upsert', kind: 'apiKey', value: toApiKeyDocument(key) };
}
