/** Turns a stored key into what the data planes obey. */
import type { ConfigUpsert } from '../../shared/config-document.ts';
import type { ApiKey as ApiKeyDocument } from '../../shared/api-key.ts';
import type { ApiKey } from './api-key.entity.ts';

/** What the document is made of. */
export const API_KEY_COLUMNS = [
  'id',
  'organisationId',
  'type',
  'name',
  'prefix',
  'hash',
  'previousHash',
  'graceUntil',
  'teamId',
  'userId',
  'userDomain',
  'state',
  'expiresAt',
  'denialStyle',
  'agentId',
] as const;
type StoredKey = Pick<ApiKey, (typeof API_KEY_COLUMNS)[number]>;

export function toApiKeyDocument(key: StoredKey): ApiKeyDocument {
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

export function upsertOfApiKey(key: StoredKey): ConfigUpsert {
  return { op: 'upsert', kind: 'apiKey', value: toApiKeyDocument(key) };
}
