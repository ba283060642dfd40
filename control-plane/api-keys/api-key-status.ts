/** Whether a key works, as of what is stored of it and now. */
import type { ApiKey } from './api-key.entity.ts';

export const API_KEY_STATUSES = ['ACTIVE', 'ROTATING', 'EXPIRED', 'DISABLED', 'REVOKED'] as const;
export type ApiKeyStatus = (typeof API_KEY_STATUSES)[number];

export function statusOf({ state, expiresAt, graceUntil }: Pick<ApiKey, 'state' | 'expiresAt' | 'graceUntil'>, now: Date): ApiKeyStatus {
  if (state !== 'ACTIVE') return state;
  if (expiresAt != null && expiresAt <= now) return 'EXPIRED';
  return graceUntil != null && graceUntil > now ? 'ROTATING' : 'ACTIVE';
}

/** The same as a condition on what is stored. */
export function conditionOfStatus(status: ApiKeyStatus, now: Date) {
  const inTime = { state: 'ACTIVE' as const, $or: [{ expiresAt: null }, { expiresAt: { $gt: now } }] };
  switch (status) {
    case 'ACTIVE':
      return { $and: [inTime, { $or: [{ graceUntil: null }, { graceUntil: { $lte: now } }] }] };
    case 'ROTATING':
      return { $and: [inTime, { graceUntil: { $gt: now } }] };
    case 'EXPIRED':
      return { state: 'ACTIVE' as const, expiresAt: { $lte: now } };
    case 'DISABLED':
    case 'REVOKED':
      return { state: status };
  }
}
