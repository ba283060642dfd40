/** How one statement sums for many limits at once: each is a row of `span`, which says whose usage it counts, and from when until when. */
import type { Limit } from '../../shared/limit.ts';

type Counted = Pick<Limit, 'ownerType' | 'ownerId'> & { readonly mcpServerId?: string | null | undefined; readonly tool?: string | null | undefined };

/** The columns of a span that `isOfSpan` looks at, with their types. */
export const SPAN_COLUMNS = 'owner_type text, owner_id text, server_id text, tool text';
/** What usage is grouped by so that `isOfSpan` can be asked of a group; `usage` knows who called, `mcp` which server and tool. */
export const groupColumns = (usage: string, mcp: string) =>
  `${usage}.organisation_id, ${usage}.team_id, ${usage}.user_id, ${usage}.api_key_id, ${mcp}.server_id, ${mcp}.tool`;

export function spanOf({ ownerType, ownerId, mcpServerId, tool }: Counted): Record<string, unknown> {
  return { owner_type: ownerType, owner_id: ownerId, server_id: mcpServerId ?? null, tool: tool ?? null };
}

/** SQL that holds for usage which the limit of the span counts. */
export function isOfSpan(usage: string, mcp: string): string {
  return `(span.server_id is null or ${mcp}.server_id = span.server_id) and (span.tool is null or ${mcp}.tool = span.tool)
    and case span.owner_type when 'ORGANISATION' then ${usage}.organisation_id when 'TEAM' then ${usage}.team_id when 'USER' then ${usage}.user_id
      when 'API_KEY' then ${usage}.api_key_id when 'MCP_SERVER' then ${mcp}.server_id end = span.owner_id`;
}

export interface TimeSpan {
  readonly fromMillis: number;
  readonly untilMillis: number;
}

/** Time cut wherever a span begins or ends, so that usage is read once for all of them: a span is the slots from `from_slot` to before `until_slot`. */
export interface Slots {
  /** An array of PostgreSQL's, for `width_bucket`, which numbers the slots from 1. */
  readonly bounds: string;
  readonly from: Date;
  readonly until: Date;
  readonly ofEach: readonly { readonly from_slot: number; readonly until_slot: number }[];
}

export const SLOT_COLUMNS = 'from_slot integer, until_slot integer';

export function slotsOf(spans: readonly TimeSpan[]): Slots {
  const cuts = [...new Set(spans.flatMap(({ fromMillis, untilMillis }) => [fromMillis, untilMillis]))].toSorted((left, right) => left - right);
  return {
    bounds: `{${cuts.map((millis) => new Date(millis).toISOString()).join(',')}}`,
    from: new Date(cuts[0] ?? 0),
    until: new Date(cuts.at(-1) ?? 0),
    ofEach: spans.map(({ fromMillis, untilMillis }) => ({ from_slot: cuts.indexOf(fromMillis) + 1, until_slot: cuts.indexOf(untilMillis) + 1 })),
  };
}
