/** A door before a server that speaks HTTP+SSE: says where tokens come from, lets nothing in without one, and remembers what came with which. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';
import type { Guard } from './guarded-upstream.ts';
import { listenOnLoopback } from './loopback.ts';
import { passOn } from './pass-on.ts';
import { startSseUpstream, type SseScript, type SseUpstream } from './sse-upstream.ts';

export interface Knock {
  readonly method: string | undefined;
  readonly authorization: string | undefined;
  readonly isLetIn: boolean;
}

export interface GuardedSseUpstream {
  readonly url: string;
  /** Every request but those for where tokens come from. */
  readonly knocks: Knock[];
  /** What has passed. */
  readonly inner: SseUpstream;
}

/** Gone with the test. */
export async function startGuardedSseUpstream(guard: Guard, script: SseScript): Promise<GuardedSseUpstream> {
  const inner = await startSseUpstream(script);
  const knocks: Knock[] = [];
  const made = { origin: '' };
  const server = createServer((request, response) => void handle(request, response));
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.url === '/.well-known/oauth-protected-resource/sse')
      return answerJson(response, 200, { resource: `${made.origin}/sse`, authorization_servers: [guard.issuer], scopes_supported: ['tools:call'] });
    const { method, headers } = request;
    const { authorization } = headers;
    const isLetIn = await guard.accepts(authorization?.replace(/^Bearer /, '') ?? '');
    knocks.push({ method, authorization, isLetIn });
    if (isLetIn) return passOn(request, response, inner.url);
    request.resume();
    response.setHeader('www-authenticate', 'Bearer error="invalid_token"');
    answerJson(response, 401, { error: 'invalid_token' });
  };
  const { origin, close } = await listenOnLoopback(server);
  made.origin = origin;
  onTestFinished(close);
  return { url: `${origin}/sse`, knocks, inner };
}

function answerJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
