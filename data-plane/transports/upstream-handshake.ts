/** Introduces a client to a server over Streamable HTTP, in the gateway's own name or in that of a client whose session the server forgot. */
import type { Dispatcher } from 'undici';
import { z } from 'zod';
import type { EffectiveLimits } from '../../shared/server-limits.ts';
import type { Introduction } from '../mcp/introduction.ts';
import { SESSION_HEADER } from '../mcp/session-ids.ts';
import { EventCollector } from './event-collector.ts';
import type { UpstreamTarget } from './upstream-target.ts';

const TIMEOUT_MILLIS = 20_000;
const ANSWER_BYTES_MAX = 1024 * 1024;
/** Visible ASCII, as the specification wants it (MCP 2025-11-25, Session management), and short enough to travel in an id of ours. */
export const UPSTREAM_SESSION_ID = /^[\x21-\x7e]{1,512}$/;

const initializeResultSchema = z.object({ result: z.object({ protocolVersion: z.string() }) });

export interface OpenedSession {
  readonly id: string;
  /** As the server wants it. */
  readonly protocolVersion: string;
}

/** Where the server is, and how long it may take. */
export interface Place {
  readonly target: UpstreamTarget;
  readonly path: string;
  readonly limits: EffectiveLimits;
}

/** Opens a session; undefined when the server has none to give. Rejects when it cannot be reached. */
export async function introduce(place: Place, introduction: Introduction): Promise<OpenedSession | undefined> {
  const initialize = JSON.stringify({ jsonrpc: '2.0', id: 'turnpike', method: 'initialize', params: introduction });
  const answer = await post(place, initialize, []);
  const id = answer.headers[SESSION_HEADER];
  const protocolVersion = await protocolVersionOf(answer);
  if (typeof id !== 'string' || !UPSTREAM_SESSION_ID.test(id) || protocolVersion === undefined) return undefined;
  const initialized = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' });
  const accepted = await post(place, initialized, [SESSION_HEADER, id, 'mcp-protocol-version', protocolVersion]);
  await accepted.body.dump();
  return { id, protocolVersion };
}

/** Ends a session that nobody needs. A server may refuse: then it forgets the session when it likes. */
export async function dismiss(target: UpstreamTarget, path: string, sessionId: string): Promise<void> {
  const headers = [...target.streamHeaders, SESSION_HEADER, sessionId];
  const answer = await target.pool.request({ path, method: 'DELETE', headers, headersTimeout: TIMEOUT_MILLIS, bodyTimeout: TIMEOUT_MILLIS });
  await answer.body.dump();
}

function post({ target, path, limits }: Place, body: string, headers: readonly string[]): Promise<Dispatcher.ResponseData> {
  return target.pool.request({
    path,
    method: 'POST',
    headers: [...target.messageHeaders, ...headers],
    body,
    headersTimeout: Math.min(TIMEOUT_MILLIS, limits.headersTimeoutMillis),
    // The whole exchange: everybody who wants the session waits for it, however busy the server keeps the line.
    signal: AbortSignal.timeout(Math.min(TIMEOUT_MILLIS, limits.totalTimeoutMillis)),
  });
}

/** Reads the result of `initialize` from JSON or from an event stream; undefined when the server did not agree. */
async function protocolVersionOf(answer: Dispatcher.ResponseData): Promise<string | undefined> {
  if (answer.statusCode !== 200) {
    await answer.body.dump();
    return undefined;
  }
  const isStream = String(answer.headers['content-type']).startsWith('text/event-stream');
  const text = await (isStream ? firstAnswer(answer.body) : wholeAnswer(answer.body));
  if (text === undefined) return undefined;
  const reading = initializeResultSchema.safeParse(JSON.parse(text));
  return reading.success ? reading.data.result.protocolVersion : undefined;
}

/** Undefined when it is too long; nothing more of it is read then. */
async function wholeAnswer(body: AsyncIterable<Buffer>): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function firstAnswer(body: AsyncIterable<Buffer>): Promise<string | undefined> {
  const collector = new EventCollector(ANSWER_BYTES_MAX, undefined);
  for await (const chunk of body) {
    const answer = collector.push(chunk);
    if (answer !== undefined) return answer.toString('utf8');
  }
  return undefined;
}
