/** An MCP server that wants an access token: says where to get one, refuses every other, and remembers what it was sent. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listenOnLoopback } from './loopback.ts';
import { startMcpUpstream, type McpUpstream } from './mcp-upstream.ts';

export interface GuardedUpstream {
  readonly url: string;
  /** The header of every request to the endpoint; undefined of one without. */
  readonly authorisations: (string | undefined)[];
  /** What has passed. */
  readonly inner: McpUpstream;
  close(): Promise<void>;
}

export interface Guard {
  /** Undefined for a server that says nothing of where its tokens come from. */
  readonly issuer?: string;
  accepts(token: string): Promise<boolean>;
}

/** `sessions`: it demands a session, as most servers do. */
export async function startGuardedUpstream(guard: Guard, { sessions = false } = {}): Promise<GuardedUpstream> {
  const inner = await startMcpUpstream({ sessions });
  const authorisations: (string | undefined)[] = [];
  const made: { origin?: string } = {};
  const server = createServer((request, response) => void handle(request, response));
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const metadata = `${made.origin}/.well-known/oauth-protected-resource/mcp`;
    if (request.url?.startsWith('/.well-known/oauth-protected-resource') === true && guard.issuer !== undefined)
      return answerJson(response, 200, { resource: `${made.origin}/mcp`, authorization_servers: [guard.issuer], scopes_supported: ['tools:call'] });
    if (request.url !== '/mcp') return answerJson(response, 404, { error: 'not_found' });
    const { authorization } = request.headers;
    authorisations.push(authorization);
    const [, token = ''] = /^Bearer (.+)$/.exec(authorization ?? '') ?? [];
    if (!(await guard.accepts(token))) {
      response.setHeader('www-authenticate', `Bearer resource_metadata="${metadata}"`);
      return answerJson(response, 401, { error: 'invalid_token' });
    }
    // It has nothing to say by itself.
    if (request.method === 'GET') return void response.writeHead(405).end();
    await pass(request, response, inner.url);
  };
  const { origin, close } = await listenOnLoopback(server);
  made.origin = origin;
  return {
    url: `${origin}/mcp`,
    authorisations,
    inner,
    close: async () => {
      await close();
      await inner.close();
    },
  };
}

const SESSION = 'mcp-session-id';

async function pass(request: IncomingMessage, response: ServerResponse, url: string): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  const { method = 'GET', headers } = request;
  const body = method === 'POST' ? Buffer.concat(chunks) : null;
  const session = headers[SESSION];
  const sent = { accept: headers.accept ?? '*/*', 'content-type': 'application/json', ...(typeof session === 'string' ? { [SESSION]: session } : {}) };
  const answer = await fetch(url, { method, headers: sent, body });
  for (const name of ['content-type', SESSION]) {
    const value = answer.headers.get(name);
    if (value !== null) response.setHeader(name, value);
  }
  response.writeHead(answer.status);
  response.end(Buffer.from(await answer.arrayBuffer()));
}

function answerJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
