/** Reads the draft that somebody wants to try, and finds what it would take the place of. */
import { z } from 'zod';
import type { LimitMetric, LimitOwnerType, LimitPeriod } from '../../shared/limit.ts';
import type { PolicyScope } from '../../shared/policy.ts';
import { AccessGrantEntity } from '../access-grants/access-grant.entity.ts';
import { requireOwner } from '../access/owners.ts';
import type { SqlCondition } from '../database/sql-condition.ts';
import { notFound, parseInput, refuseInput } from '../graphql/input-refused.ts';
import { McpServerEntity } from '../mcp-servers/mcp-server.entity.ts';
import { toolNamesSchema } from '../mcp-servers/server-rules.ts';
import { readBudgetAmount, readQuotaAmount } from '../money/limit-amounts.ts';
import { LimitEntity, type Limit } from '../money/limit.entity.ts';
import { newSchedule } from '../money/limit-schedule.ts';
import { readEnvelope } from '../policies/policy-inputs.ts';
import { PolicyEntity } from '../policies/policy.entity.ts';
import { requirePolicyOwner } from '../policies/policy-owner.ts';
import type { AdminContext } from '../request-context.ts';
import { EVERYTHING, type Draft } from './draft.ts';
import { limitDraft, type DraftLimit } from './limit-draft.ts';
import { policyDraft } from './policy-draft.ts';
import { removedGrantsDraft, semanticFilterDraft, toolRulesDraft } from './rule-drafts.ts';

export interface PolicyDraftInput {
  readonly scope: PolicyScope;
  readonly ownerId: string | null;
  readonly policies: unknown;
}

export interface ToolRulesDraftInput {
  readonly serverId: string;
  readonly allowedTools: readonly string[];
  readonly blockedTools: readonly string[];
}

export interface FilterDraftInput {
  readonly serverId: string;
  readonly blockedKeywords: readonly string[];
  readonly blockedPatterns: readonly string[];
}

export interface LimitDraftInput {
  /** One that there is, whose owner, schedule and metric the draft keeps. */
  readonly id: string | null;
  readonly owner: { readonly type: LimitOwnerType; readonly id: string | null };
  readonly serverId: string | null;
  readonly tool: string | null;
  /** Null for a budget. */
  readonly metric: LimitMetric | null;
  readonly limitUsd: string | null;
  readonly limit: string | null;
  readonly schedule: { readonly period: LimitPeriod; readonly timezone: string } | null;
}

/** Exactly one of them is given. */
export interface DraftInput {
  readonly policy?: PolicyDraftInput | null;
  readonly toolRules?: ToolRulesDraftInput | null;
  readonly semanticFilter?: FilterDraftInput | null;
  readonly removedGrants?: readonly string[] | null;
  readonly limit?: LimitDraftInput | null;
}

const GRANTS_MAX = 200;

/** What another organisation has is not found. */
export function readDraft(context: AdminContext, draft: DraftInput): Promise<Draft> {
  if (draft.policy != null) return readPolicy(context, draft.policy);
  if (draft.toolRules != null) return readToolRules(context, draft.toolRules);
  if (draft.semanticFilter != null) return readFilter(context, draft.semanticFilter);
  if (draft.removedGrants != null) return readGrants(context, draft.removedGrants);
  if (draft.limit != null) return readLimit(context, draft.limit);
  throw refuseInput(['draft'], 'REQUIRED', 'there is no draft');
}

async function readPolicy(context: AdminContext, { policies, ...input }: PolicyDraftInput): Promise<Draft> {
  const envelope = readEnvelope(policies, ['draft', 'policy', 'policies']);
  const { scope, ownerId: owner } = await requirePolicyOwner(context.em, context, input);
  const replaced = await context.em.findOne(PolicyEntity, { ownerId: owner });
  return policyDraft({ envelope, scope: callsOf(scope, owner), replacedId: replaced?.id });
}

async function readToolRules(context: AdminContext, { serverId, allowedTools, blockedTools }: ToolRulesDraftInput): Promise<Draft> {
  await requireServer(context, serverId, ['draft', 'toolRules', 'serverId']);
  const at = ['draft', 'toolRules'];
  const lists = parseInput(z.object({ allowedTools: toolNamesSchema, blockedTools: toolNamesSchema }), { allowedTools, blockedTools }, at);
  return toolRulesDraft(serverId, lists);
}

async function readFilter(context: AdminContext, { serverId, blockedKeywords, blockedPatterns }: FilterDraftInput): Promise<Draft> {
  await requireServer(context, serverId, ['draft', 'semanticFilter', 'serverId']);
  return semanticFilterDraft(serverId, { isEmpty: blockedKeywords.length + blockedPatterns.length === 0 });
}

async function readGrants({ em }: AdminContext, ids: readonly string[]): Promise<Draft> {
  if (ids.length > GRANTS_MAX) throw refuseInput(['draft', 'removedGrants'], 'TOO_LONG', `at most ${GRANTS_MAX} grants are tried at once`);
  const found = await em.find(AccessGrantEntity, { id: { $in: [...ids] } });
  const missing = ids.findIndex((id) => !found.some((grant) => grant.id === id));
  if (missing !== -1) throw notFound(['draft', 'removedGrants', String(missing)], 'grant');
  return removedGrantsDraft(found.map(({ apiKeyId, mcpServerId }) => ({ apiKeyId, serverId: mcpServerId })));
}

async function readLimit(context: AdminContext, input: LimitDraftInput): Promise<Draft> {
  if (input.id !== null) {
    const limit = await context.em.findOne(LimitEntity, { id: input.id });
    if (limit === null) throw notFound(['draft', 'limit', 'id'], 'limit');
    return limitDraft({
      limit: changedLimit(limit, input),
      scope: narrowed(callsOf(limit.ownerType, limit.ownerId), limit.mcpServerId ?? null),
      replacedId: limit.id,
    });
  }
  const owner = await requireOwner(context.em, context, input.owner);
  if (input.serverId !== null) await requireServer(context, input.serverId, ['draft', 'limit', 'serverId']);
  if (input.schedule === null) throw refuseInput(['draft', 'limit', 'schedule'], 'REQUIRED', 'a new limit has a schedule');
  const { period, timezone } = newSchedule({ ...input.schedule, startAt: undefined, endAt: undefined, rollover: undefined }, new Date());
  const metric = input.metric ?? 'NANO_USD';
  const limit: DraftLimit = {
    metric,
    amount: amountOf(metric, input),
    period,
    timezone,
    rollover: false,
    tool: input.tool,
  };
  return limitDraft({ limit, scope: narrowed(callsOf(input.owner.type, owner), input.serverId), replacedId: undefined });
}

function changedLimit(limit: Limit, input: LimitDraftInput): DraftLimit {
  const { metric, period, timezone, rollover } = limit;
  return { metric, amount: amountOf(metric, input), period, timezone, rollover, tool: limit.tool ?? null };
}

function amountOf(metric: LimitMetric, { limitUsd, limit }: LimitDraftInput): string {
  const [field, text] = metric === 'NANO_USD' ? ['limitUsd', limitUsd] : ['limit', limit];
  if (text === null) throw refuseInput(['draft', 'limit', field], 'REQUIRED', 'how much would it be?');
  return metric === 'NANO_USD' ? readBudgetAmount(text) : readQuotaAmount(text);
}

const OWNER_COLUMNS = { TEAM: 'u.team_id', USER: 'u.user_id', API_KEY: 'u.api_key_id', MCP_SERVER: 'm.server_id' } as const;

/** The calls that count for an owner. */
function callsOf(type: LimitOwnerType, ownerId: string): SqlCondition {
  return type === 'ORGANISATION' ? EVERYTHING : { sql: `${OWNER_COLUMNS[type]} = ?`, values: [ownerId] };
}

function narrowed(scope: SqlCondition, serverId: string | null): SqlCondition {
  return serverId === null ? scope : { sql: `${scope.sql} and m.server_id = ?`, values: [...scope.values, serverId] };
}

async function requireServer({ em }: AdminContext, serverId: string, field: readonly string[]): Promise<void> {
  if ((await em.count(McpServerEntity, { id: serverId })) === 0) throw notFound(field, 'server');
}
