/** Clients as others publish them at a governed server: they connect, see what they may call, call it, and are told why not. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { startConformanceFixture, type ConformanceFixture } from '../support/conformance/fixture.ts';
import { prepareFixtureLaunch } from '../support/conformance/launch.ts';
import { startEverything, type EverythingServer } from '../support/everything.ts';
import { inspect } from '../support/inspector.ts';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';
import { eventually } from '../support/processes.ts';
import { connectAiSdk, connectMcpRemote, connectSdkV1, connectSdkV2, refusalIn, type RealClient, type Target } from '../support/real-clients.ts';

const LEGACY = '2025-11-25';
const MODERN = '2026-07-28';
const BLOCKED_WORD = 'forbidden fruit';

const FIXTURE_TOOLS = { tool: 'json_schema_2020_12_tool', says: 'hello', blocked: 'test_error_handling' } as const;

/** The servers: a tool that says back what it is told, and another one that is blocked. Over Streamable HTTP the fixture speaks both eras. */
const SERVERS = {
  everything: { tool: 'echo', says: 'Echo: hello', blocked: 'get-env' },
  fixture: FIXTURE_TOOLS,
  'fixture over STDIO': FIXTURE_TOOLS,
  'fixture over SSE': FIXTURE_TOOLS,
} as const;
type ServerName = keyof typeof SERVERS;

let directory: string;
let planes: TestPlanes;
let everything: EverythingServer;
let fixture: ConformanceFixture;
let reached: Readonly<Record<ServerName, Readonly<Record<string, unknown>>>>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'turnpike-clients-'));
  const launch = await prepareFixtureLaunch(directory);
  [planes, everything, fixture] = await Promise.all([startTestPlanes(launch.environment), startEverything(), startConformanceFixture()]);
  reached = {
    everything: { endpointUrl: everything.url },
    fixture: { endpointUrl: fixture.url },
    'fixture over STDIO': launch.server,
    'fixture over SSE': { transport: 'SSE', endpointUrl: fixture.sseUrl },
  };
}, 120_000);

afterAll(async () => {
  await planes?.close();
  await Promise.all([everything?.stop(), fixture?.close(), rm(directory, { recursive: true, force: true })]);
});

let counter = 0;

/** The server under a slug of its own, so that its records are those of one client. */
async function governed(server: ServerName): Promise<Target & { readonly slug: string }> {
  const slug = `server-${++counter}`;
  const rules = { blockedTools: [SERVERS[server].blocked], semanticFilter: { blockedKeywords: [BLOCKED_WORD] } };
  return { slug, ...(await planes.governed({ slug, ...reached[server], ...rules })) };
}

const recordsSchema = z.object({
  nodes: z.array(
    z.object({
      decision: z.string(),
      status: z.number(),
      clientName: z.string().nullable(),
      denial: z.object({ code: z.string(), reason: z.string() }).nullable(),
      mcp: z.object({ rpcMethod: z.string(), tool: z.string().nullable(), protocolVersion: z.string().nullable() }),
    }),
  ),
});
type UsageRecord = z.infer<typeof recordsSchema>['nodes'][number];

/** Records of these methods, once they are as many as expected. */
function recordsOf(slug: string, count: number, rpcMethod = ['tools/list', 'tools/call']): Promise<UsageRecord[]> {
  const query = `query($filter: UsageFilter!) {
    usageRecords(filter: $filter, orderBy: {field: OCCURRED_AT, direction: ASC}) {
      nodes { decision status clientName denial { code reason } mcp { rpcMethod tool protocolVersion } }
    }
  }`;
  return eventually(async () => {
    const filter = { range: {}, serverSlug: [slug], rpcMethod };
    const { nodes } = recordsSchema.parse((await planes.control.admin.query(query, { filter }))['usageRecords']);
    return nodes.length >= count ? nodes : undefined;
  }, `${count} records of ${slug}`);
}

interface Expected {
  readonly clientName: string;
  readonly protocolVersion: string;
}

/** One listing, one call and one denial, each with its record. */
async function expectGoverned(client: RealClient, server: ServerName, slug: string, { clientName, protocolVersion }: Expected): Promise<void> {
  const { tool, says, blocked } = SERVERS[server];
  const names = await client.toolNames();
  expect(names).toContain(tool);
  expect(names).not.toContain(blocked);
  expect(JSON.stringify(await client.call(tool, { message: 'hello', name: 'hello' }))).toContain(says);
  const refusal = await refusalIn(client.call(blocked, {}));
  expect(refusal.data).toEqual({ code: 'mcp_guardrail_block', reason: 'blocked_tool' });
  expect(refusal.message).toContain(`tool '${blocked}' is blocked on '${slug}'`);
  const common = { clientName, status: 200, decision: 'ALLOWED', denial: null };
  const denial = { code: 'MCP_GUARDRAIL_BLOCK', reason: 'blocked_tool' };
  const records = await recordsOf(slug, 3);
  expect(records).toHaveLength(3);
  // In any order: they may be of one millisecond.
  expect(records).toEqual(
    expect.arrayContaining([
      { ...common, mcp: { rpcMethod: 'tools/list', tool: null, protocolVersion } },
      { ...common, mcp: { rpcMethod: 'tools/call', tool, protocolVersion } },
      { clientName, status: 403, decision: 'DENIED', denial, mcp: { rpcMethod: 'tools/call', tool: blocked, protocolVersion } },
    ]),
  );
}

describe('a library', () => {
  test.each<{ name: string; server: ServerName; connect: (target: Target) => Promise<RealClient>; clientName: string; protocolVersion: string }>([
    { name: 'SDK 1', server: 'everything', connect: connectSdkV1, clientName: 'sdk-v1', protocolVersion: LEGACY },
    { name: 'SDK 1', server: 'fixture', connect: connectSdkV1, clientName: 'sdk-v1', protocolVersion: LEGACY },
    { name: 'SDK 2, legacy', server: 'everything', connect: connectSdkV2('legacy'), clientName: 'sdk-v2', protocolVersion: LEGACY },
    { name: 'SDK 2, legacy', server: 'fixture', connect: connectSdkV2('legacy'), clientName: 'sdk-v2', protocolVersion: LEGACY },
    { name: 'SDK 2, auto', server: 'everything', connect: connectSdkV2('auto'), clientName: 'sdk-v2', protocolVersion: MODERN },
    { name: 'SDK 2, auto', server: 'fixture', connect: connectSdkV2('auto'), clientName: 'sdk-v2', protocolVersion: MODERN },
    { name: 'SDK 2, pinned', server: 'fixture', connect: connectSdkV2({ pin: MODERN }), clientName: 'sdk-v2', protocolVersion: MODERN },
    { name: 'SDK 2, auto', server: 'fixture over STDIO', connect: connectSdkV2('auto'), clientName: 'sdk-v2', protocolVersion: MODERN },
    { name: 'SDK 2, auto', server: 'fixture over SSE', connect: connectSdkV2('auto'), clientName: 'sdk-v2', protocolVersion: MODERN },
    { name: 'AI SDK', server: 'everything', connect: connectAiSdk, clientName: 'ai-sdk', protocolVersion: MODERN },
    { name: 'AI SDK', server: 'fixture over STDIO', connect: connectAiSdk, clientName: 'ai-sdk', protocolVersion: MODERN },
    { name: 'AI SDK', server: 'fixture over SSE', connect: connectAiSdk, clientName: 'ai-sdk', protocolVersion: MODERN },
    { name: 'AI SDK', server: 'fixture', connect: connectAiSdk, clientName: 'ai-sdk', protocolVersion: MODERN },
  ])('$name at $server works by $protocolVersion, and is recorded as $clientName', async ({ server, connect, ...expected }) => {
    const target = await governed(server);
    const client = await connect(target);
    onTestFinished(() => client.close());
    await expectGoverned(client, server, target.slug, expected);
  });
});

describe('mcp-remote', () => {
  test.each<ServerName>(['everything', 'fixture', 'fixture over STDIO', 'fixture over SSE'])(
    'carries a STDIO client to %s by its key alone: no login is begun',
    async (server) => {
      const target = await governed(server);
      const logins = await mkdtemp(join(directory, 'logins-'));
      const client = await connectMcpRemote(target, logins);
      onTestFinished(() => client.close());
      await expectGoverned(client, server, target.slug, { clientName: expect.stringMatching(/^sdk-v1 \(via mcp-remote /), protocolVersion: LEGACY });
      expect(client.log()).toContain('Connected to remote server using StreamableHTTPClientTransport');
      expect(client.log()).not.toContain('Initializing auth coordination');
      expect((await readdir(logins, { recursive: true })).filter((name) => name.endsWith('.json'))).toEqual([]);
    },
  );

  test('lists through the gateway what it lists directly, but for what is blocked', async () => {
    const direct = await connectMcpRemote({ url: fixture.url, apiKey: 'none' }, directory);
    onTestFinished(() => direct.close());
    const viaGateway = await connectMcpRemote(await governed('fixture'), directory);
    onTestFinished(() => viaGateway.close());
    const names = await direct.toolNames();
    expect(names).toContain(SERVERS.fixture.blocked);
    expect(await viaGateway.toolNames()).toEqual(names.filter((name) => name !== SERVERS.fixture.blocked));
  });
});

describe('the inspector on the command line', () => {
  test.each<{ era: string; server: ServerName; protocolVersion: string }>([
    { era: 'legacy', server: 'everything', protocolVersion: LEGACY },
    { era: 'auto', server: 'everything', protocolVersion: MODERN },
    { era: 'auto', server: 'fixture over SSE', protocolVersion: MODERN },
    { era: 'modern', server: 'fixture', protocolVersion: MODERN },
  ])('$era at $server lists, calls, and shows why a call is denied', async ({ era, server, protocolVersion }) => {
    const target = await governed(server);
    const { tool, says, blocked } = SERVERS[server];
    const ask = (...question: string[]) => inspect(target, directory, ['--protocol-era', era, '--method', ...question]);
    const call = (name: string, text: string) => ask('tools/call', '--tool-name', name, '--tool-args-json', JSON.stringify({ message: text, name: text }));

    const [listed, called, denied, unknown] = [
      await ask('tools/list'),
      await call(tool, 'hello'),
      await call(tool, BLOCKED_WORD),
      await call(blocked, 'hello'),
    ];

    expect(JSON.stringify(listed.result)).toContain(`"name":"${tool}"`);
    expect(JSON.stringify(listed.result)).not.toContain(`"name":"${blocked}"`);
    expect(JSON.stringify(called.result)).toContain(says);
    expect(denied.error?.message).toBe('the message holds a blocked keyword');
    // It looks the tool up in the list first, where there is none of that name: the gateway is never asked.
    expect(unknown.error?.message).toBe(`Tool '${blocked}' not found on server.`);
    expect([listed, called, denied, unknown].map(({ exitCode }) => exitCode)).toEqual([0, 0, 1, 5]);
    expect(await recordsOf(target.slug, 2, ['tools/call'])).toMatchObject([
      { decision: 'ALLOWED', clientName: 'inspector-cli', mcp: { tool, protocolVersion } },
      { decision: 'DENIED', clientName: 'inspector-cli', denial: { code: 'MCP_GUARDRAIL_BLOCK' }, mcp: { tool, protocolVersion } },
    ]);
  });
});
