/** Discovers the tools of servers: looks at a server outside of any transaction, then keeps what it lists in one. */
import { isDeepStrictEqual } from 'node:util';
import type { EntityManager } from '@mikro-orm/postgresql';
import { newId } from '../../shared/ids.ts';
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import { audit, type AuditedRequest } from '../audit/audit.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { FOR_CHANGE, requireVersion } from '../database/version-check.ts';
import { notFound, refuseInput } from '../graphql/input-refused.ts';
import type { ToolEntry } from '../mcp-client/mcp-connection.ts';
import { openReach, repeatsSecret } from '../mcp-client/open-reach.ts';
import type { ServerLooks } from '../mcp-client/server-looks.ts';
import { upsertOfMcpServer } from '../mcp-servers/mcp-server.document.ts';
import { McpServerEntity, type McpServer } from '../mcp-servers/mcp-server.entity.ts';
import { searchToolsOf } from '../content/search-tools.ts';
import type { ServerHealthService } from '../server-health/server-health.service.ts';
import { seenByLook } from '../server-health/health-of-look.ts';
import { presentToken } from '../upstream-oauth/present-token.ts';
import { pinsOf, readEntries, seenAgain, type SeenTool } from './merge-tools.ts';
import { riskOf } from './tool-risk.ts';
import { ToolEntity, type Tool } from './tool.entity.ts';

/** Who wants to know. Whoever asks by hand also clears what nodes have noticed by themselves. */
export interface Asker {
  readonly actor: AuditedRequest;
  readonly isPerson: boolean;
}

/** Which server, and which version of it whoever asks has seen; null for any. */
export interface DiscoveryAim {
  readonly id: string;
  readonly expectedVersion: number | null;
}

/** Those that are gone count as well: whether they come back as they were is to be seen. */
const TOOLS_KEPT_MAX = 2000;

export class DiscoveryService {
  readonly #sealer: SecretSealer;
  readonly #looks: ServerLooks;
  readonly #health: ServerHealthService;

  constructor(parts: { sealer: SecretSealer; looks: ServerLooks; health: ServerHealthService }) {
    this.#sealer = parts.sealer;
    this.#looks = parts.looks;
    this.#health = parts.health;
  }

  /** `em` sees the server's organisation only. Refuses when the server cannot be reached; the reason is then kept with the server, too. */
  async discover(em: EntityManager, asker: Asker, { id, expectedVersion }: DiscoveryAim): Promise<McpServer> {
    const server = await em.fork().findOne(McpServerEntity, { id });
    if (server === null) throw notFound('id', 'server');
    requireVersion(server, expectedVersion, 'server');
    const reach = openReach(server, this.#sealer, await presentToken(em, this.#sealer, server, asker.actor.caller.actor));
    const look = await this.#looks.look(reach);
    await this.#health.record(em, [seenByLook(server, look, reach)]);
    const { tools, failure } = look;
    if (tools !== undefined) {
      // What repeats a secret is kept by nobody: it counts as unreadable.
      const entries = tools.map((entry) => (repeatsSecret(reach, entry) ? {} : entry));
      return inTransaction(em, { dryRun: false }, (inside) => keep(inside, asker, server, entries));
    }
    const toolDiscoveryError = failure ?? 'the server could not be looked at';
    await em.fork().nativeUpdate(McpServerEntity, { id }, { toolDiscoveryError, toolsCheckedAt: new Date() });
    throw refuseInput(['id'], 'UPSTREAM_FAILED', toolDiscoveryError, 'probeServer shows every step of the way');
  }
}

async function keep(em: EntityManager, { actor, isPerson }: Asker, looked: McpServer, entries: readonly ToolEntry[]): Promise<McpServer> {
  const server = await em.findOne(McpServerEntity, { id: looked.id }, FOR_CHANGE);
  if (server === null) throw notFound('id', 'server');
  if (server.version !== looked.version) throw refuseInput(['id'], 'CONFLICT', 'the server was changed while it was looked at', 'discover again');
  const now = new Date();
  const { seen, unreadable } = readEntries(entries);
  const known = await em.find(ToolEntity, { mcpServerId: server.id });
  const outcome = merge(em, { server, known, seen, now });
  if (outcome.tools.length > TOOLS_KEPT_MAX) throw refuseInput(['id'], 'TOO_LARGE', `a server may have shown at most ${TOOLS_KEPT_MAX} tools`);
  const toolPins = pinsOf(outcome.tools);
  const isNews = !isDeepStrictEqual(server.toolPins, toolPins);
  em.assign(server, {
    toolPins,
    searchTools: searchToolsOf(outcome.tools),
    toolsCheckedAt: now,
    toolDiscoveryError: unreadable === 0 ? null : `${unreadable} entries of the list are no tools that can be kept`,
    ...(isPerson || isNews ? { toolsDiscoveredAt: now } : {}),
  });
  if (!isPerson && !isNews) return server;
  const { added, changed, gone } = outcome;
  audit(em, actor, {
    action: 'discoverTools',
    targetId: server.id,
    targetLabel: server.slug,
    before: null,
    after: { tools: seen.size, added, changed, gone },
  });
  await appendConfigChanges(em, [upsertOfMcpServer(server)]);
  return server;
}

interface Merging {
  readonly server: McpServer;
  readonly known: readonly Tool[];
  readonly seen: ReadonlyMap<string, SeenTool>;
  readonly now: Date;
}

interface Merged {
  readonly tools: readonly Tool[];
  /** Names. */
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly gone: readonly string[];
}

function merge(em: EntityManager, { server, known, seen, now }: Merging): Merged {
  const changed: string[] = [];
  const gone: string[] = [];
  for (const tool of known) {
    const listed = seen.get(tool.name);
    if (listed === undefined && !tool.isGone) gone.push(tool.name);
    if (listed !== undefined && listed.fingerprint !== tool.fingerprint) changed.push(tool.name);
    em.assign(tool, listed === undefined ? { isGone: true } : seenAgain(tool, listed, server.toolReview, now));
  }
  const names = new Set(known.map(({ name }) => name));
  const news = [...seen.values()].filter(({ definition }) => !names.has(definition.name));
  const created = news.map(({ definition, fingerprint }) =>
    em.create(ToolEntity, {
      id: newId('tool'),
      organisationId: server.organisationId,
      mcpServerId: server.id,
      name: definition.name,
      definition,
      fingerprint,
      approvedDefinition: definition,
      approvedFingerprint: fingerprint,
      risk: riskOf(definition),
      firstSeenAt: now,
      lastSeenAt: now,
    }),
  );
  return { tools: [...known, ...created], added: news.map(({ definition }) => definition.name), changed, gone };
}
