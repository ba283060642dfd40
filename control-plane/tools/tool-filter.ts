/** Turns what is asked for of tools into conditions; those that are given must all hold. */
import { containing } from '../database/sql-condition.ts';
import type { ToolRisk } from './tool-risk.ts';

/** NEW: nobody has reviewed it. APPROVED: somebody has, and it is as it was then. CHANGED: it is not as it was. */
export const TOOL_STATES = ['NEW', 'APPROVED', 'CHANGED'] as const;
export type ToolState = (typeof TOOL_STATES)[number];

export interface ToolFilter {
  readonly serverId: string;
  /** Part of the name. */
  readonly search: string | null;
  readonly state: readonly ToolState[] | null;
  readonly risk: readonly ToolRisk[] | null;
  readonly enabled: boolean | null;
}

export function stateOf({ isChanged, reviewedAt }: { readonly isChanged: boolean; readonly reviewedAt?: Date | null | undefined }): ToolState {
  if (isChanged) return 'CHANGED';
  return reviewedAt == null ? 'NEW' : 'APPROVED';
}

const CONDITION_OF = {
  NEW: { isChanged: false, reviewedAt: null },
  APPROVED: { isChanged: false, reviewedAt: { $ne: null } },
  CHANGED: { isChanged: true },
} as const satisfies Record<ToolState, object>;

export function conditionsOf({ serverId, search, state, risk, enabled }: ToolFilter) {
  const states = state === null ? [] : [{ $or: state.map((name) => CONDITION_OF[name]) }];
  const risks = risk === null ? [] : [{ $or: [{ correctedRisk: { $in: [...risk] } }, { correctedRisk: null, risk: { $in: [...risk] } }] }];
  return {
    mcpServerId: serverId,
    ...(search === null ? {} : { name: { $ilike: containing(search) } }),
    ...(enabled === null ? {} : { enabled }),
    $and: [...states, ...risks],
  };
}
