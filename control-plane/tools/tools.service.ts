/** The rules of discovered tools: who may switch them, correct their class and approve what has changed. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { audit } from '../audit/audit.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { FOR_CHANGE } from '../database/version-check.ts';
import type { Connection, Page } from '../graphql/connection.ts';
import { notFound, refuseInput } from '../graphql/input-refused.ts';
import { pageOf } from '../graphql/paged-query.ts';
import { upsertOfMcpServer } from '../mcp-servers/mcp-server.document.ts';
import { McpServerEntity, type McpServer } from '../mcp-servers/mcp-server.entity.ts';
import { readToolNames } from '../mcp-servers/server-rules.ts';
import type { AdminContext } from '../request-context.ts';
import { searchToolsOf } from '../content/search-tools.ts';
import { pinsOf } from './merge-tools.ts';
import { differencesOf, type ToolDifference } from './tool-diff.ts';
import { conditionsOf, type ToolFilter } from './tool-filter.ts';
import type { ToolRisk } from './tool-risk.ts';
import { ToolEntity, type Tool } from './tool.entity.ts';

/** Tools of one server, by name. */
export interface ToolAim {
  readonly serverId: string;
  readonly tools: readonly string[];
  /** Answers what would be, and changes nothing. */
  readonly dryRun?: boolean;
}

export interface ChangedTools {
  readonly server: McpServer;
  readonly tools: readonly Tool[];
}

/** What was approved of a tool. */
export interface AcceptedChange {
  readonly tool: string;
  readonly changes: readonly ToolDifference[];
}

export class ToolsService {
  list(context: AdminContext, filter: ToolFilter, page: Page, info: GraphQLResolveInfo): Promise<Connection<Tool>> {
    const { em } = context;
    const where = conditionsOf(filter);
    return pageOf({ find: (behind, options) => em.find(ToolEntity, { ...where, ...behind }, options), count: () => em.count(ToolEntity, where) }, page, info);
  }

  setEnabled(context: AdminContext, aim: ToolAim, enabled: boolean): Promise<ChangedTools> {
    return this.#change(context, 'setToolsEnabled', aim, () => ({ enabled }));
  }

  /** Null goes back to what hints and name say. */
  setRisk(context: AdminContext, aim: ToolAim, correctedRisk: ToolRisk | null): Promise<ChangedTools> {
    return this.#change(context, 'setToolRisk', aim, () => ({ correctedRisk }));
  }

  /** Approves each tool as whoever asks has seen it: `fingerprints` says which definition that was, in the order of the tools. */
  async accept(context: AdminContext, aim: ToolAim, fingerprints: readonly string[]): Promise<ChangedTools & { accepted: readonly AcceptedChange[] }> {
    if (fingerprints.length !== aim.tools.length) throw refuseInput(['fingerprints'], 'INVALID', 'give a fingerprint for each tool, in the same order');
    const seen = new Map(aim.tools.map((name, index) => [name, fingerprints[index]]));
    const accepted: AcceptedChange[] = [];
    const changed = await this.#change(context, 'acceptToolChanges', aim, (tool) => {
      if (tool.fingerprint !== seen.get(tool.name))
        throw refuseInput(['fingerprints'], 'STALE_VERSION', `${tool.name} has the fingerprint ${tool.fingerprint}`, 'look at it again, then decide');
      accepted.push({ tool: tool.name, changes: differencesOf(tool.approvedDefinition, tool.definition) });
      return { approvedDefinition: tool.definition, approvedFingerprint: tool.fingerprint, isChanged: false, reviewedAt: new Date() };
    });
    return { ...changed, accepted };
  }

  #change(context: AdminContext, action: string, aim: ToolAim, decide: (tool: Tool) => Partial<Tool>): Promise<ChangedTools> {
    const names = readToolNames(aim.tools, 'tools');
    return inTransaction(context.em, { dryRun: aim.dryRun === true }, async (em) => {
      const server = await em.findOne(McpServerEntity, { id: aim.serverId }, FOR_CHANGE);
      if (server === null) throw notFound('serverId', 'server');
      const all = new Map((await em.find(ToolEntity, { mcpServerId: server.id })).map((tool) => [tool.name, tool]));
      const tools = names.map((name) => all.get(name) ?? refuseUnknown(name));
      const before = tools.map(shown);
      for (const tool of tools) em.assign(tool, decide(tool));
      audit(em, context, { action, targetId: server.id, targetLabel: server.slug, before, after: tools.map(shown) });
      await pin(em, server, [...all.values()]);
      return { server, tools };
    });
  }
}

/** Lets the data planes know, in the transaction of the change. */
async function pin(em: EntityManager, server: McpServer, tools: readonly Tool[]): Promise<void> {
  em.assign(server, { toolPins: pinsOf(tools), searchTools: searchToolsOf(tools) });
  await appendConfigChanges(em, [upsertOfMcpServer(server)]);
}

function refuseUnknown(name: string): never {
  throw refuseInput(['tools'], 'NOT_FOUND', `there is no tool ${name} on this server`, 'discoverTools looks again');
}

/** What the audit trail keeps: definitions are known by their fingerprints. */
function shown({ name, fingerprint, approvedFingerprint, enabled, correctedRisk, reviewedAt }: Tool): Record<string, unknown> {
  return { name, fingerprint, approvedFingerprint, enabled, correctedRisk: correctedRisk ?? null, reviewedAt: reviewedAt ?? null };
}
