/** The rules of budgets and quotas: whose they are, what they count, and that each change is in force with its own transaction. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { GraphQLResolveInfo } from 'graphql/index.js';
import type { LimitMetric, LimitOwnerType } from '../../shared/limit.ts';
import { newId } from '../../shared/ids.ts';
import { requireOwner } from '../access/owners.ts';
import { audit } from '../audit/audit.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { FOR_CHANGE, requireVersion } from '../database/version-check.ts';
import type { Connection, Page } from '../graphql/connection.ts';
import type { FieldChange } from '../graphql/field-changes.ts';
import { notFound, parseInput, refuseInput } from '../graphql/input-refused.ts';
import { readName } from '../graphql/names.ts';
import { pageOf } from '../graphql/paged-query.ts';
import { McpServerEntity } from '../mcp-servers/mcp-server.entity.ts';
import { toolNameSchema } from '../mcp-servers/server-rules.ts';
import type { AdminContext } from '../request-context.ts';
import { readAllotmentCalls, readBudgetAmount, readQuotaAmount, readWarnings, requireRoomForRollover, type LimitKind } from './limit-amounts.ts';
import { limitChangesOf } from './limit-changes.ts';
import { changeOfLimit, removalOfLimit } from './limit.document.ts';
import { LimitEntity, type Limit } from './limit.entity.ts';
import { changedSchedule, newSchedule, type ScheduleInput } from './limit-schedule.ts';

/** How much: dollars for a budget, a number in its metric's unit for a quota. */
export interface NewLimit {
  readonly kind: LimitKind;
  readonly name: string;
  readonly owner: { readonly type: LimitOwnerType; readonly id: string | null };
  readonly serverId: string | null;
  readonly tool: string | null;
  readonly metric: LimitMetric;
  readonly amount: string;
  readonly warnAtPercent: readonly number[];
  readonly schedule: ScheduleInput;
  readonly mode: Limit['mode'];
  /** 1 when every call asks. */
  readonly allotmentCalls: number;
  /** Answers what would be, and changes nothing. */
  readonly dryRun: boolean;
}

/** What is undefined stays as it is. */
export interface LimitChange {
  readonly kind: LimitKind;
  readonly id: string;
  readonly expectedVersion: number | null;
  readonly dryRun: boolean;
  readonly name: string | undefined;
  readonly amount: string | undefined;
  readonly warnAtPercent: readonly number[] | undefined;
  readonly schedule: ScheduleInput | undefined;
  readonly mode: Limit['mode'] | undefined;
  readonly allotmentCalls: number | undefined;
  readonly active: boolean | undefined;
}

/** A limit as it stands now, and what is different from before. */
export interface ChangedLimit {
  readonly limit: Limit;
  readonly changes: readonly FieldChange[];
}

export interface LimitsFilter {
  readonly ownerId: readonly string[] | null;
  readonly serverId: readonly string[] | null;
  readonly active: boolean | null;
}

export class LimitsService {
  list(context: AdminContext, kind: LimitKind, filter: LimitsFilter, page: Page, info: GraphQLResolveInfo): Promise<Connection<Limit>> {
    const { em } = context;
    const where = {
      ...metricOf(kind),
      ...(filter.ownerId === null ? {} : { ownerId: { $in: [...filter.ownerId] } }),
      ...(filter.serverId === null ? {} : { mcpServerId: { $in: [...filter.serverId] } }),
      ...(filter.active === null ? {} : { active: filter.active }),
    };
    return pageOf({ find: (behind, options) => em.find(LimitEntity, { ...where, ...behind }, options), count: () => em.count(LimitEntity, where) }, page, info);
  }

  create(context: AdminContext, input: NewLimit): Promise<ChangedLimit> {
    return inTransaction(context.em, input, async (em) => {
      const schedule = newSchedule(input.schedule, new Date());
      const amount = readAmount(input.kind, input.amount);
      requireRoomForRollover(input.kind, amount, schedule.rollover);
      const limit = em.create(LimitEntity, {
        id: newId('limit'),
        organisationId: context.caller.organisationId,
        name: readName(input.name),
        ownerType: input.owner.type,
        ownerId: await requireOwner(em, context, input.owner),
        ...(await narrowingOf(em, input)),
        metric: input.metric,
        amount,
        ...schedule,
        mode: input.mode,
        allotmentCalls: readAllotmentCalls(input.allotmentCalls),
        warnAtPercent: readWarnings(input.warnAtPercent),
      });
      await em.flush();
      audit(em, context, { action: `create${input.kind}`, targetId: limit.id, targetLabel: limit.name, before: null, after: { ...limit } });
      await appendConfigChanges(em, [changeOfLimit(limit)]);
      return { limit, changes: limitChangesOf(input.kind, null, limit) };
    });
  }

  update(context: AdminContext, input: LimitChange): Promise<ChangedLimit> {
    return inTransaction(context.em, input, async (em) => {
      const limit = await em.findOne(LimitEntity, { id: input.id, ...metricOf(input.kind) }, FOR_CHANGE);
      if (limit === null) throw notFound('id', input.kind.toLowerCase());
      requireVersion(limit, input.expectedVersion, input.kind.toLowerCase());
      const before = { ...limit };
      em.assign(limit, { ...changesOf(limit, input), version: limit.version + 1, updatedAt: new Date() });
      audit(em, context, { action: `update${input.kind}`, targetId: limit.id, targetLabel: limit.name, before, after: { ...limit } });
      await appendConfigChanges(em, [changeOfLimit(limit)]);
      return { limit, changes: limitChangesOf(input.kind, before, limit) };
    });
  }

  /** What it has counted is forgotten with it. */
  delete(context: AdminContext, id: string, expectedVersion: number | null): Promise<string> {
    return inTransaction(context.em, { dryRun: false }, async (em) => {
      const limit = await em.findOne(LimitEntity, { id }, FOR_CHANGE);
      if (limit === null) throw notFound('id', 'limit');
      requireVersion(limit, expectedVersion, 'limit');
      audit(em, context, { action: 'deleteLimit', targetId: id, targetLabel: limit.name, before: { ...limit }, after: null });
      em.remove(limit);
      await appendConfigChanges(em, [removalOfLimit(id)]);
      return id;
    });
  }
}

function metricOf(kind: LimitKind): { metric: LimitMetric | { $ne: LimitMetric } } {
  return { metric: kind === 'Budget' ? 'NANO_USD' : { $ne: 'NANO_USD' } };
}

function changesOf(limit: Limit, input: LimitChange): Partial<Limit> {
  const schedule = input.schedule === undefined ? undefined : changedSchedule(limit, input.schedule, new Date());
  const amount = input.amount === undefined ? limit.amount : readAmount(input.kind, input.amount);
  requireRoomForRollover(input.kind, amount, schedule?.rollover ?? limit.rollover);
  return {
    amount,
    ...schedule,
    ...(input.name === undefined ? {} : { name: readName(input.name) }),
    ...(input.warnAtPercent === undefined ? {} : { warnAtPercent: readWarnings(input.warnAtPercent) }),
    ...(input.mode === undefined ? {} : { mode: input.mode }),
    ...(input.allotmentCalls === undefined ? {} : { allotmentCalls: readAllotmentCalls(input.allotmentCalls) }),
    ...(input.active === undefined ? {} : { active: input.active }),
  };
}

function readAmount(kind: LimitKind, text: string): string {
  return kind === 'Budget' ? readBudgetAmount(text) : readQuotaAmount(text);
}

/** A limit of a server is on that server already; a tool is one of a server, since other servers may have one of the same name. */
async function narrowingOf(em: EntityManager, { owner, serverId, tool }: NewLimit): Promise<{ mcpServerId: string | null; tool: string | null }> {
  if (owner.type === 'MCP_SERVER' && serverId !== null && serverId !== owner.id) {
    throw refuseInput(['serverId'], 'INVALID', 'a limit of one server cannot be narrowed to another', 'leave serverId out');
  }
  if (serverId !== null && (await em.count(McpServerEntity, { id: serverId })) === 0) throw notFound('serverId', 'server');
  if (tool === null) return { mcpServerId: serverId, tool: null };
  if (serverId === null && owner.type !== 'MCP_SERVER') {
    throw refuseInput(['serverId'], 'REQUIRED', 'a tool is one of a server', 'name the server that the tool is of');
  }
  return { mcpServerId: serverId, tool: parseInput(toolNameSchema, tool, ['tool']) };
}
