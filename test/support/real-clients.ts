/** MCP clients as others publish them, each connected to the gateway in the way that its users connect it, and all asked alike. */
import { join } from 'node:path';
import { createMCPClient } from '@ai-sdk/mcp';
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2, type VersionNegotiationMode } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { z } from 'zod';
import { ROOT } from './processes.ts';

/** As `governed` of the test planes answers it. */
export interface Target {
  readonly url: string;
  readonly apiKey: string;
}

export interface RealClient {
  toolNames(): Promise<string[]>;
  call(tool: string, args: Record<string, unknown>): Promise<unknown>;
  close(): Promise<void>;
}

const CLIENT_INFO = { version: '1.0.0' };
const requestInit = ({ apiKey }: Target) => ({ headers: { authorization: `Bearer ${apiKey}` } });

export async function connectSdkV1(target: Target): Promise<RealClient> {
  const client = new Client({ name: 'sdk-v1', ...CLIENT_INFO });
  await client.connect(new StreamableHTTPClientTransport(new URL(target.url), { requestInit: requestInit(target) }));
  return viaSdk(client);
}

export function connectSdkV2(mode: VersionNegotiationMode): (target: Target) => Promise<RealClient> {
  return async (target) => {
    const client = new ClientV2({ name: 'sdk-v2', ...CLIENT_INFO }, { versionNegotiation: { mode } });
    await client.connect(new TransportV2(new URL(target.url), { requestInit: requestInit(target) }));
    return viaSdk(client);
  };
}

/** An agent that speaks STDIO only, and has `mcp-remote` speak HTTP for it. */
export async function connectMcpRemote({ url, apiKey }: Target, configDirectory: string): Promise<RealClient & { log(): string }> {
  const program = join(ROOT, 'node_modules/mcp-remote/dist/proxy.js');
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [program, url, '--header', `Authorization: Bearer ${apiKey}`, '--allow-http', '--transport', 'http-only'],
    env: { MCP_REMOTE_CONFIG_DIR: configDirectory },
    stderr: 'pipe',
  });
  let log = '';
  transport.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString('utf8')));
  const client = new Client({ name: 'sdk-v1', ...CLIENT_INFO });
  await client.connect(transport);
  return { ...viaSdk(client), log: () => log };
}

export async function connectAiSdk(target: Target): Promise<RealClient> {
  const client = await createMCPClient({ transport: { type: 'http', url: target.url, ...requestInit(target) }, clientName: 'ai-sdk' });
  return {
    toolNames: async () => Object.keys(await client.tools()),
    call: (tool, args) => client.callTool({ name: tool, arguments: args }),
    close: () => client.close(),
  };
}

/** What both major versions of the SDK have in common. */
function viaSdk(client: Client | ClientV2): RealClient {
  return {
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: (tool, args) => client.callTool({ name: tool, arguments: args }),
    close: () => client.close(),
  };
}

const refusalSchema = z.object({ message: z.string(), data: z.object({ code: z.string(), reason: z.string() }) });

/** What a client that branches on refusals finds in its error; fails when the call does not. */
export async function refusalIn(call: Promise<unknown>): Promise<z.infer<typeof refusalSchema>> {
  const [ending] = await Promise.allSettled([call]);
  if (ending.status === 'fulfilled') throw new Error(`no refusal but ${JSON.stringify(ending.value)}`);
  return refusalSchema.parse(ending.reason);
}
