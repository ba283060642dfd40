/** What the bridge says itself: the handshake that the server does not have, and the methods that were taken out of the protocol. */
import { z } from 'zod';
import { isLegacyRevision } from '../../mcp/protocol-revisions.ts';
import { paramOf } from '../../mcp/revision-claims.ts';
import type { RpcMessage } from '../../mcp/rpc-call.ts';
import { EVENTS_HEAD, JSON_HEAD, toEvent } from '../../transports/answer-forms.ts';
import type { AnswerSink, UpstreamRequest } from '../../transports/transport.ts';
import type { Discovered } from '../discoveries.ts';

const LATEST_WITH_SESSIONS = '2025-11-25';
/** Extensions are of the new era alone. */
const SHARED_CAPABILITIES = ['tools', 'prompts', 'resources', 'completions', 'logging'] as const;
const serverInfoSchema = z.object({ _meta: z.object({ 'io.modelcontextprotocol/serverInfo': z.looseObject({ name: z.string(), version: z.string() }) }) });

/** The result of `initialize`, from what the server says of itself when it is asked in its own way. */
export function handshakeOf(request: UpstreamRequest, message: RpcMessage, discovered: Discovered): object {
  const wanted = paramOf(message, 'protocolVersion');
  const { capabilities, instructions } = discovered;
  const named = serverInfoSchema.safeParse(discovered);
  return {
    protocolVersion: typeof wanted === 'string' && isLegacyRevision(wanted) ? wanted : LATEST_WITH_SESSIONS,
    capabilities: Object.fromEntries(SHARED_CAPABILITIES.filter((name) => capabilities[name] !== undefined).map((name) => [name, capabilities[name]])),
    serverInfo: named.data?.['_meta']['io.modelcontextprotocol/serverInfo'] ?? { name: request.server.config.slug, version: 'unknown' },
    ...(instructions === undefined ? {} : { instructions }),
  };
}

export function resultFor(message: RpcMessage, result: object): Buffer {
  return Buffer.from(`{"jsonrpc":"2.0","id":${message.idToken ?? 'null'},"result":${JSON.stringify(result)}}`);
}

export function errorFor(message: RpcMessage, code: number, text: string): Buffer {
  return Buffer.from(`{"jsonrpc":"2.0","id":${message.idToken ?? 'null'},"error":${JSON.stringify({ code, message: text })}}`);
}

/** A whole answer in a form that the caller takes; the message must be without line breaks. `sessionId` is that of a session it opens. */
export function answerWith({ acceptsJson }: UpstreamRequest, sink: AnswerSink, message: Buffer, sessionId?: string): void {
  if (acceptsJson) return sink.answer({ ...JSON_HEAD, upstreamSessionId: sessionId }, message);
  sink.open({ ...EVENTS_HEAD, upstreamSessionId: sessionId });
  sink.write(toEvent(message));
  sink.end();
}
