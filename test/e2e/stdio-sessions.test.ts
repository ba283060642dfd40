/** The official everything server with a process for each session, behind the gateway: it remembers and asks one client, and no other hears of it. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { GatewayClient, refusalOf, toolCall } from '../support/gateway-client.ts';
import { eventually, ROOT } from '../support/processes.ts';
import { startTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { startStack, type Stack } from '../support/stack.ts';

let database: TestDatabase;
let redis: TestRedis;
let stack: Stack;
let directory: string;
let serverId: string;
let key: string;
let otherKey: string;
const EVERYTHING = [join(ROOT, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js'), 'stdio'];

beforeAll(async () => {
  const command = await realpath(process.execPath);
  directory = await mkdtemp(join(tmpdir(), 'turnpike-allowlist-'));
  const allowlist = join(directory, 'stdio-allowlist.json');
  await writeFile(allowlist, JSON.stringify({ entries: [{ command, args: EVERYTHING.map((argument) => RegExp.escape(argument)), env: [] }] }));
  [database, redis] = await Promise.all([startTestPostgres(), startTestRedis()]);
  stack = await startStack({ databaseUrl: database.url, redisUrl: redis.url, environment: { TURNPIKE_STDIO_ALLOWLIST: allowlist } });
  const launch = { transport: 'STDIO', stdioCommand: command, stdioArgs: EVERYTHING, stdioIsolation: 'PER_SESSION' };
  serverId = (await stack.admin.createServer({ name: 'everything', slug: 'everything', ...launch })).id;
  const [first, second] = [await stack.admin.createApiKey(), await stack.admin.createApiKey()];
  for (const { id } of [first, second]) await stack.admin.grant(id, serverId);
  await stack.settled();
  [key, otherKey] = [first.secret, second.secret];
}, 120_000);

afterAll(async () => {
  await stack?.close();
  await Promise.all([redis?.stop(), database?.stop(), rm(directory, { recursive: true, force: true })]);
});

interface Agent {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
  /** What the server asked of it, in order. */
  readonly asked: string[];
}

/** A client that answers whatever it is asked with its own name. */
async function connect(name: string, secret = key): Promise<Agent> {
  const asked: string[] = [];
  const client = new Client({ name, version: '1.0.0' }, { capabilities: { sampling: {}, elicitation: {}, roots: { listChanged: true } } });
  client.setRequestHandler(CreateMessageRequestSchema, ({ method }) => {
    asked.push(method);
    return { model: 'test', role: 'assistant', content: { type: 'text', text: `sampled by ${name}` } };
  });
  client.setRequestHandler(ElicitRequestSchema, ({ method }) => {
    asked.push(method);
    return { action: 'accept', content: { name: `elicited from ${name}` } };
  });
  client.setRequestHandler(ListRootsRequestSchema, ({ method }) => {
    asked.push(method);
    return { roots: [{ uri: `file:///${name}`, name }] };
  });
  const transport = new StreamableHTTPClientTransport(new URL(`${stack.gatewayUrl}/v1/mcp/everything`), {
    requestInit: { headers: { authorization: `Bearer ${secret}` } },
  });
  await client.connect(transport);
  onTestFinished(() => client.close());
  return { client, transport, asked };
}

const textOf = async ({ client }: Agent, tool: string, args: Record<string, unknown> = {}): Promise<string> => {
  const { content } = z.object({ content: z.array(z.looseObject({ text: z.string() })) }).parse(await client.callTool({ name: tool, arguments: args }));
  return content.map(({ text }) => text).join('\n');
};

/** Processes of the server that the data plane of this test has started. */
function serverPids(): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => {
      const [, pid, parent, state = '', args = ''] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
      return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), isThere: !state.startsWith('Z'), args }];
    });
  const family = new Set([stack.data().child.pid]);
  for (let size = 0; size !== family.size;) {
    size = family.size;
    for (const { pid, parent } of rows) if (family.has(parent)) family.add(pid);
  }
  // What starts a child in a namespace names its program too.
  const isServer = (args: string): boolean => args.includes('server-everything') && !/turnpike-(?:inside|outside)/.test(args);
  return rows.filter(({ pid, isThere, args }) => family.has(pid) && isThere && isServer(args)).map(({ pid }) => pid);
}

test('what one session sets in its server is not set for another, of the same key or of another', async () => {
  const [one, two, other] = [await connect('one'), await connect('two'), await connect('other', otherKey)];
  expect(await textOf(one, 'toggle-simulated-logging')).toContain('Started');
  expect(await textOf(two, 'toggle-simulated-logging')).toContain('Started');
  expect(await textOf(other, 'toggle-simulated-logging')).toContain('Started');
  expect(await textOf(one, 'toggle-simulated-logging')).toContain('Stopped');
});

test('roots, samples and elicitations are asked of the client whose session it is, and of no other', async () => {
  const [one, two] = [await connect('one'), await connect('two')];
  expect(await textOf(one, 'get-roots-list')).toContain('file:///one');
  expect(await textOf(two, 'get-roots-list')).toContain('file:///two');
  expect(await textOf(one, 'trigger-sampling-request', { prompt: 'hello' })).toContain('sampled by one');
  expect(await textOf(one, 'trigger-elicitation-request')).toContain('elicited from one');
  // How often the server asks for roots is its own affair: it does so by itself too.
  const askedBeside = ({ asked }: Agent) => asked.filter((method) => method !== 'roots/list');
  expect(askedBeside(one)).toEqual(['sampling/createMessage', 'elicitation/create']);
  expect(askedBeside(two)).toEqual([]);
  expect(await textOf(two, 'trigger-sampling-request', { prompt: 'hello' })).toContain('sampled by two');
});

test('a server is told what its client can do: a client without capabilities is offered less', async () => {
  const able = await connect('able');
  const plain = new Client({ name: 'plain', version: '1.0.0' });
  const requestInit = { headers: { authorization: `Bearer ${key}` } };
  await plain.connect(new StreamableHTTPClientTransport(new URL(`${stack.gatewayUrl}/v1/mcp/everything`), { requestInit }));
  onTestFinished(() => plain.close());
  const [most, least] = await Promise.all([able.client, plain].map(async (client) => (await client.listTools()).tools.map(({ name }) => name)));
  expect(most).toContain('trigger-sampling-request');
  expect(least).not.toContain('trigger-sampling-request');
  expect(least).toContain('echo');
});

test('a crash fails the call under way, ends that session alone, and a new one works', async () => {
  const bystander = await connect('bystander');
  const before = new Set(serverPids());
  const victim = await connect('victim');
  const [pid, ...more] = serverPids().filter((each) => !before.has(each));
  if (pid === undefined || more.length > 0) throw new Error('a session has one process');
  let progress = 0;
  const call = { name: 'trigger-long-running-operation', arguments: { duration: 60, steps: 600 } };
  const failed = victim.client.callTool(call, undefined, { onprogress: () => void progress++ }).catch(String);
  await eventually(() => (progress > 0 ? true : undefined), 'progress of the call');
  process.kill(pid, 'SIGKILL');
  expect(await failed).toContain('was ended by SIGKILL before it answered');
  const { sessionId } = victim.transport;
  const gateway = new GatewayClient(stack.gatewayUrl);
  const answer = await gateway.send('everything', { key, headers: { 'mcp-session-id': sessionId ?? '' }, body: toolCall('echo', { message: 'hi' }) });
  expect(answer.status).toBe(404);
  expect(refusalOf(answer)).toMatchObject({ data: { code: 'mcp_not_found', reason: 'unknown_session' } });
  expect(await textOf(bystander, 'echo', { message: 'still here' })).toBe('Echo: still here');
  expect(await textOf(await connect('again'), 'echo', { message: 'back' })).toBe('Echo: back');
});

test('a session that its client ends has no process, and is unknown, also to those who had its id', async () => {
  const before = new Set(serverPids());
  const { transport } = await connect('leaving');
  const { sessionId = '' } = transport;
  const pids = serverPids().filter((each) => !before.has(each));
  expect(pids).toHaveLength(1);
  const gateway = new GatewayClient(stack.gatewayUrl);
  const headers = { 'mcp-session-id': sessionId, accept: 'text/event-stream' };
  expect((await gateway.send('everything', { method: 'GET', key: otherKey, headers })).status).toBe(404);
  await transport.terminateSession();
  expect((await gateway.send('everything', { method: 'GET', key, headers })).status).toBe(404);
  await eventually(() => (serverPids().some((pid) => pids.includes(pid)) ? undefined : true), 'the end of the process');
});

test('a single call without a session works, and one process per key serves them', async () => {
  const gateway = new GatewayClient(stack.gatewayUrl);
  const before = serverPids();
  for (const secret of [key, key, otherKey]) {
    const { text } = await gateway.send('everything', { key: secret, body: toolCall('echo', { message: 'hi' }) });
    expect(JSON.parse(text)).toMatchObject({ id: 1, result: { content: [{ text: 'Echo: hi' }] } });
  }
  expect(serverPids()).toHaveLength(before.length + 2);
});

test('shared again, the server’s sessions end', async () => {
  const agent = await connect('agent');
  const sessions = serverPids();
  await stack.admin.mutate('updateServer', 'UpdateServerInput', { id: serverId, stdioIsolation: 'SHARED' }, 'server { stdioIsolation }');
  await stack.settled();
  expect(await textOf(agent, 'echo', { message: 'hi' })).toBe('Echo: hi');
  await eventually(() => (serverPids().some((pid) => sessions.includes(pid)) ? undefined : true), 'the end of the sessions', 20_000);
});
