/** What the audit trail keeps of a key: everything but the hashes. */
import type { ApiKey } from './api-key.entity.ts';

export function shownApiKey(apiKey: ApiKey): Record<string, unknown> {
  const { hash: _hash, previousHash: _previousHash, ...rest } = { ...apiKey };
  return rest;
}
