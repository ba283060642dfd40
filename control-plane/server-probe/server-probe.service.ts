/** Looks at a server before it is saved, or as it is saved, and tells every step of the way. Nothing is kept. */
import { newId } from '../../shared/ids.ts';
import type { Transport } from '../../shared/mcp-server.ts';
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import type { ToolDefinition } from '../../shared/tool-definition.ts';
import { notFound } from '../graphql/input-refused.ts';
import type { Authorisation } from '../mcp-client/authorisation-metadata.ts';
import type { Look } from '../mcp-client/look-at-server.ts';
import type { LookStep } from '../mcp-client/look-steps.ts';
import { hideSecrets, hideSecretsWithin, openReach, type OpenReach } from '../mcp-client/open-reach.ts';
import type { ServerLooks } from '../mcp-client/server-looks.ts';
import { McpServerEntity } from '../mcp-servers/mcp-server.entity.ts';
import { requireFittingAuth, requireReach } from '../mcp-servers/server-reach.ts';
import { ServerSecrets, type AuthInput, type SecretEntry } from '../mcp-servers/server-secrets.ts';
import { requirePermission, type AdminContext } from '../request-context.ts';
import { seenByLook } from '../server-health/health-of-look.ts';
import type { ServerHealthService } from '../server-health/server-health.service.ts';
import { readEntries } from '../tools/merge-tools.ts';
import { presentToken } from '../upstream-oauth/present-token.ts';
import { flagsOf, type ToolFlag } from '../tools/tool-flags.ts';
import { riskOf, type ToolRisk } from '../tools/tool-risk.ts';

/** A server as it might be. */
export interface DraftServer {
  /** Undefined for whoever does not know. */
  readonly transport: Transport | undefined;
  readonly endpointUrl: string | null;
  readonly stdioCommand: string | null;
  readonly stdioArgs: readonly string[];
  readonly stdioEnv: readonly SecretEntry[];
  readonly auth: AuthInput | null;
  readonly isPublic: boolean;
}

export interface ProbedTool {
  readonly name: string;
  readonly description: string | null;
  readonly risk: ToolRisk;
  readonly flags: readonly ToolFlag[];
}

export interface Probe {
  readonly isReachable: boolean;
  readonly transport: Transport | null;
  readonly revision: string | null;
  readonly serverInfo: unknown;
  readonly authorisation: Omit<Authorisation, 'metadata'> & { readonly metadata: unknown };
  readonly steps: readonly LookStep[];
  readonly tools: readonly ProbedTool[];
  readonly warnings: readonly string[];
}

export class ServerProbeService {
  readonly #sealer: SecretSealer;
  readonly #looks: ServerLooks;
  readonly #health: ServerHealthService;

  constructor(parts: { sealer: SecretSealer; looks: ServerLooks; health: ServerHealthService }) {
    this.#sealer = parts.sealer;
    this.#looks = parts.looks;
    this.#health = parts.health;
  }

  /** With the secrets that it has: whoever may change the server needs not know them. */
  async probeSaved(context: AdminContext, serverId: string): Promise<Probe> {
    requirePermission(context, 'SERVER_UPDATE');
    const server = await context.em.findOne(McpServerEntity, { id: serverId });
    if (server === null) throw notFound('serverId', 'server');
    const reach = openReach(server, this.#sealer, await presentToken(context.em, this.#sealer, server, context.caller.actor));
    const look = await this.#looks.look(reach);
    await this.#health.record(context.em, [seenByLook(server, look, reach)]);
    return probeOf(look, reach);
  }

  async probeDraft(context: AdminContext, draft: DraftServer): Promise<Probe> {
    requirePermission(context, 'SERVER_CREATE');
    const { organisationId } = context.caller;
    const id = newId('mcpServer');
    const secrets = new ServerSecrets(this.#sealer, { organisationId, serverId: id });
    const { auth } = secrets.sealAuth(draft.auth ?? { none: true });
    const { env: stdioEnv } = secrets.sealEnvironment(draft.stdioEnv, 'stdioEnv');
    const transport = draft.transport ?? (draft.stdioCommand === null ? undefined : 'STDIO');
    const probable = transport ?? 'STREAMABLE_HTTP';
    requireReach({ ...draft, transport: probable, envNames: Object.keys(stdioEnv), stdioIsolation: 'SHARED' }, this.#looks.bounds.stdio.allowlist);
    requireFittingAuth(probable, auth);
    const reach = openReach({ ...draft, id, organisationId, transport, stdioArgs: [...draft.stdioArgs], stdioEnv, auth }, this.#sealer);
    return probeOf(await this.#looks.look(reach), reach);
  }
}

/** A server may repeat what it was sent, in any of its words. */
function probeOf(look: Look, reach: OpenReach): Probe {
  const { seen, unreadable } = readEntries(look.tools ?? []);
  const isClear = reach.kind === 'http' && reach.url.protocol === 'http:' && Object.keys(reach.headers).length > 0;
  const { authorisation, serverInfo } = look;
  return {
    isReachable: look.transport !== undefined,
    transport: look.transport ?? null,
    revision: look.revision ?? null,
    serverInfo: serverInfo === null ? null : hideSecretsWithin(reach, serverInfo),
    authorisation: { ...authorisation, metadata: authorisation.metadata === null ? null : hideSecretsWithin(reach, authorisation.metadata) },
    steps: look.steps,
    tools: [...seen.values()].map(({ definition }) => probedTool(definition, reach)),
    warnings: [
      ...authorisation.warnings,
      ...(unreadable === 0 ? [] : [`${unreadable} entries of the list are no tools that can be kept`]),
      ...(isClear ? ['the secret goes over the network in the clear'] : []),
    ],
  };
}

function probedTool(definition: ToolDefinition, reach: OpenReach): ProbedTool {
  return {
    name: hideSecrets(reach, definition.name),
    description: definition.description === undefined ? null : hideSecrets(reach, definition.description),
    risk: riskOf(definition),
    flags: flagsOf(definition),
  };
}
