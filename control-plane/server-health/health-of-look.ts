/** Says how a server is, from what a look at it has found. */
import { z } from 'zod';
import type { UpstreamAuth } from '../../shared/mcp-server.ts';
import type { Look } from '../mcp-client/look-at-server.ts';
import { hideSecrets, hideSecretsWithin, type OpenReach } from '../mcp-client/open-reach.ts';
import type { McpServer } from '../mcp-servers/mcp-server.entity.ts';
import type { SeenHealth } from './server-health.service.ts';
import type { ObservedHealth } from './server-health.ts';

const jsonObjectSchema = z.record(z.string(), z.unknown());

type Findings = Pick<Look, 'transport' | 'tools' | 'authorisation' | 'isAnswered' | 'failure'>;

export function healthOfLook(look: Findings, auth: UpstreamAuth): { health: ObservedHealth; detail: string | null } {
  const detail = look.failure ?? null;
  if (look.tools !== undefined) return { health: 'CONNECTED', detail: null };
  const { need } = look.authorisation;
  if (need === 'BEARER' || need === 'BASIC' || need === 'OAUTH2') return { health: auth.type === 'NONE' ? 'NEEDS_AUTH' : 'AUTH_EXPIRED', detail };
  // What answers is there, though not as the protocol says.
  return { health: look.transport !== undefined || look.isAnswered ? 'PROTOCOL_ERROR' : 'UNREACHABLE', detail };
}

/** As it is kept: a server may repeat what it was sent, in any of its words. */
export function seenByLook({ id, auth }: Pick<McpServer, 'id' | 'auth'>, look: Look, reach: OpenReach): SeenHealth {
  const { health, detail } = healthOfLook(look, auth);
  const serverInfo = look.serverInfo === null ? null : jsonObjectSchema.parse(hideSecretsWithin(reach, look.serverInfo));
  return { serverId: id, health, detail: detail === null ? null : hideSecrets(reach, detail), look: { protocolVersion: look.revision ?? null, serverInfo } };
}
