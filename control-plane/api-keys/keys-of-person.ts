/** What becomes of a person's keys when the person is suspended or removed: they end in the same transaction. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { audit, type AuditedRequest } from '../audit/audit.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import { FOR_CHANGE } from '../database/version-check.ts';
import { upsertOfApiKey } from './api-key.document.ts';
import { ApiKeyEntity } from './api-key.entity.ts';
import { shownApiKey } from './shown-api-key.ts';

/** Disabled keys can be enabled again, revoked ones are gone for good. */
export async function endKeysOf(em: EntityManager, request: AuditedRequest, userId: string, ended: 'DISABLED' | 'REVOKED'): Promise<void> {
  const states = ended === 'REVOKED' ? (['ACTIVE', 'DISABLED'] as const) : (['ACTIVE'] as const);
  const keys = await em.find(ApiKeyEntity, { userId, state: { $in: [...states] } }, { ...FOR_CHANGE, orderBy: { id: 'asc' } });
  const now = new Date();
  for (const key of keys) {
    const before = shownApiKey(key);
    const at = ended === 'REVOKED' ? { revokedAt: now } : { disabledAt: now };
    em.assign(key, { state: ended, ...at, version: key.version + 1, updatedAt: now });
    const action = ended === 'REVOKED' ? 'revokeApiKey' : 'setApiKeyDisabled';
    audit(em, request, { action, targetId: key.id, targetLabel: key.prefix, before, after: shownApiKey(key) });
  }
  if (keys.length > 0) await appendConfigChanges(em, keys.map(upsertOfApiKey));
}
