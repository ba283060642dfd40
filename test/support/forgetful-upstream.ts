/** An MCP server over Streamable HTTP for tests that can forget its sessions, as one does that was started again. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { listenOnLoopback } from './loopback.ts';

/** How it answers a session that it does not know. */
export interface Complaint {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface ForgetfulUpstream {
  readonly url: string;
  /** What arrived in a session that was known, in order: the method of HTTP, the session, and what was sent. */
  readonly taken: { readonly httpMethod: string; readonly sessionId: string; readonly text: string; readonly lastEventId: string | undefined }[];
  /** The params of every `initialize`, in order. */
  readonly introductions: unknown[];
  readonly openSessions: ReadonlySet<string>;
  forget(): void;
  close(): Promise<void>;
}

export interface ForgetfulOptions {
  readonly complaint?: Complaint;
  /** Whether it takes an `initialize` after it has forgotten something. */
  readonly introducesAgain?: boolean;
  /** The revision that it agrees on after it has forgotten something. */
  readonly laterRevision?: string;
  readonly newSessionId?: () => string;
}

export const JSON_COMPLAINT: Complaint = {
  status: 404,
  contentType: 'application/json',
  body: '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}',
};

const messageSchema = z.object({
  id: z.union([z.string(), z.number()]).optional(),
  method: z.string().optional(),
  params: z.looseObject({ protocolVersion: z.string().optional() }).optional(),
});

export async function startForgetfulUpstream({
  complaint = JSON_COMPLAINT,
  introducesAgain = true,
  laterRevision,
  newSessionId = randomUUID,
}: ForgetfulOptions = {}): Promise<ForgetfulUpstream> {
  const openSessions = new Set<string>();
  const [taken, introductions]: [ForgetfulUpstream['taken'], unknown[]] = [[], []];
  let hasForgotten = false;

  function take(request: IncomingMessage, response: ServerResponse, text: string): void {
    const message = text === '' ? {} : messageSchema.parse(JSON.parse(text));
    if (message.method === 'initialize') return greet(response, message);
    const sessionId = String(request.headers['mcp-session-id']);
    if (!openSessions.has(sessionId)) return void response.writeHead(complaint.status, { 'content-type': complaint.contentType }).end(complaint.body);
    const lastEventId = request.headers['last-event-id'];
    if (hasForgotten && lastEventId === 'old') return void response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"no such event"}');
    taken.push({ httpMethod: request.method ?? '', sessionId, text, lastEventId: typeof lastEventId === 'string' ? lastEventId : undefined });
    if (request.method === 'DELETE') openSessions.delete(sessionId);
    if (request.method === 'GET')
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: {"jsonrpc":"2.0","method":"notifications/message"}\n\n');
    else if (message.id === undefined || message.method === undefined) response.writeHead(request.method === 'DELETE' ? 200 : 202).end();
    else answer(response, message.id, { sessionId });
  }

  function greet(response: ServerResponse, { id, params }: z.infer<typeof messageSchema>): void {
    introductions.push(params);
    if (hasForgotten && !introducesAgain) return void response.writeHead(503).end();
    const sessionId = newSessionId();
    openSessions.add(sessionId);
    response.setHeader('mcp-session-id', sessionId);
    answer(response, id, { protocolVersion: hasForgotten ? (laterRevision ?? params?.protocolVersion) : params?.protocolVersion });
  }

  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.on('end', () => take(request, response, text));
  });
  const { origin, close } = await listenOnLoopback(server);
  return {
    url: `${origin}/mcp`,
    taken,
    introductions,
    openSessions,
    forget: () => {
      hasForgotten = true;
      openSessions.clear();
    },
    close,
  };
}

function answer(response: ServerResponse, id: unknown, result: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, result }));
}
