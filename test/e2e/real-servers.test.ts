/** STDIO servers as others publish them, behind the gateway: they start through the operator's list, answer, and keep apart what they should. */
import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';
import { pidsBelow } from '../support/process-tree.ts';
import { eventually, ROOT } from '../support/processes.ts';
import { connectSdkV1, refusalIn, type RealClient, type Target } from '../support/real-clients.ts';

const PACKAGES = join(ROOT, 'node_modules');
const MEMORY = join(PACKAGES, '@modelcontextprotocol/server-memory/dist/index.js');

let directory: string;
let planes: TestPlanes;
let command: string;
/** What each program is started with. */
let programs: Readonly<Record<'everything' | 'filesystem' | 'memory' | 'thinking' | 'playwright', readonly string[]>>;
let memoryFile: string;

beforeAll(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'turnpike-servers-')));
  command = await realpath(process.execPath);
  memoryFile = join(directory, 'memory.jsonl');
  programs = {
    everything: [join(PACKAGES, '@modelcontextprotocol/server-everything/dist/index.js'), 'stdio'],
    filesystem: [join(PACKAGES, '@modelcontextprotocol/server-filesystem/dist/index.js'), join(directory, 'shelf')],
    memory: [MEMORY],
    thinking: [join(PACKAGES, '@modelcontextprotocol/server-sequential-thinking/dist/index.js')],
    playwright: [join(PACKAGES, '@playwright/mcp/cli.js'), '--headless'],
  };
  for (const name of ['shelf', 'table']) {
    await mkdir(join(directory, name));
    await writeFile(join(directory, name, 'note.txt'), `on the ${name}`);
  }
  const entries = Object.values(programs).map((args) => ({ command, args: args.map((argument) => RegExp.escape(argument)), env: ['MEMORY_FILE_PATH'] }));
  const allowlist = join(directory, 'stdio-allowlist.json');
  await writeFile(allowlist, JSON.stringify({ entries }));
  planes = await startTestPlanes({ TURNPIKE_STDIO_ALLOWLIST: allowlist });
}, 120_000);

afterAll(async () => {
  await planes?.close();
  await rm(directory, { recursive: true, force: true });
});

let counter = 0;

function governed(program: keyof typeof programs, server: Readonly<Record<string, unknown>> = {}): Promise<Target> {
  const stdioEnv = program === 'memory' ? [{ name: 'MEMORY_FILE_PATH', value: memoryFile }] : [];
  const launch = { transport: 'STDIO', stdioCommand: command, stdioArgs: programs[program], stdioEnv };
  return planes.governed({ slug: `${program}-${++counter}`, ...launch, ...server });
}

async function connect(target: Target): Promise<RealClient> {
  const client = await connectSdkV1(target);
  onTestFinished(() => client.close());
  return client;
}

describe('each of them', () => {
  test.each<{ program: keyof typeof programs; offered: readonly string[]; blocked: string }>([
    { program: 'everything', offered: ['echo', 'get-sum'], blocked: 'get-env' },
    { program: 'filesystem', offered: ['read_text_file', 'list_directory', 'edit_file'], blocked: 'write_file' },
    { program: 'memory', offered: ['create_entities', 'read_graph'], blocked: 'delete_entities' },
    { program: 'thinking', offered: [], blocked: 'sequentialthinking' },
    { program: 'playwright', offered: ['browser_navigate', 'browser_snapshot'], blocked: 'browser_evaluate' },
  ])('$program starts, lists its tools but for the blocked one, and that is refused', async ({ program, offered, blocked }) => {
    const client = await connect(await governed(program, { blockedTools: [blocked] }));
    const names = await client.toolNames();
    expect(names).toEqual(expect.arrayContaining([...offered]));
    expect(names).not.toContain(blocked);
    const { data } = await refusalIn(client.call(blocked, {}));
    expect(data).toEqual({ code: 'mcp_guardrail_block', reason: 'blocked_tool' });
  });
});

describe('filesystem', () => {
  const textOf = (name: string) => ({ content: [{ type: 'text', text: `on the ${name}` }] });
  const note = (name: string) => ({ path: join(directory, name, 'note.txt') });

  test('a file is read where the operator allows it and nowhere else, and a blocked write leaves no file', async () => {
    const client = await connect(await governed('filesystem', { blockedTools: ['write_file'] }));
    expect(await client.call('read_text_file', note('shelf'))).toMatchObject(textOf('shelf'));
    expect(await client.call('read_text_file', note('table'))).toMatchObject({ isError: true });
    const { message } = await refusalIn(client.call('write_file', { path: join(directory, 'shelf', 'new.txt'), content: 'x' }));
    expect(message).toContain(`tool 'write_file' is blocked`);
    expect(await readdir(join(directory, 'shelf'))).toEqual(['note.txt']);
  });

  test('a session with roots of its own is asked for them, and works there; one without keeps to the operator’s directory', async () => {
    const target = await governed('filesystem', { stdioIsolation: 'PER_SESSION' });
    const rooted = await connectWithRoot(target, join(directory, 'table'));
    const plain = await connect(target);
    await eventually(
      async () => ((await rooted.callTool({ name: 'read_text_file', arguments: note('table') })).isError === true ? undefined : true),
      'the roots',
    );
    expect(await rooted.callTool({ name: 'read_text_file', arguments: note('table') })).toMatchObject(textOf('table'));
    expect(await rooted.callTool({ name: 'read_text_file', arguments: note('shelf') })).toMatchObject({ isError: true });
    expect(await plain.call('read_text_file', note('shelf'))).toMatchObject(textOf('shelf'));
    expect(await plain.call('read_text_file', note('table'))).toMatchObject({ isError: true });
  });
});

async function connectWithRoot({ url, apiKey }: Target, root: string): Promise<Client> {
  const client = new Client({ name: 'rooted', version: '1.0.0' }, { capabilities: { roots: {} } });
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: pathToFileURL(root).href }] }));
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { authorization: `Bearer ${apiKey}` } } }));
  onTestFinished(() => client.close());
  return client;
}

test('memory keeps its graph for all callers, and over the death of its process', async () => {
  const before = new Set(pidsBelow(process.pid, MEMORY));
  const target = await governed('memory');
  const [writer, reader] = [await connect(target), await connect(target)];
  await writer.call('create_entities', { entities: [{ name: 'turnpike', entityType: 'gate', observations: ['it is a toll road'] }] });
  const graph = { structuredContent: { entities: [{ name: 'turnpike', observations: ['it is a toll road'] }] } };
  expect(await reader.call('read_graph', {})).toMatchObject(graph);
  const pids = pidsBelow(process.pid, MEMORY).filter((pid) => !before.has(pid));
  expect(pids).toHaveLength(1);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await eventually(() => (pidsBelow(process.pid, MEMORY).some((pid) => pids.includes(pid)) ? undefined : true), 'the end of the process');
  expect(await eventually(() => reader.call('read_graph', {}), 'an answer of a new process')).toMatchObject(graph);
});

describe('sequential thinking', () => {
  const thought = (client: RealClient) => client.call('sequentialthinking', { thought: 'next', thoughtNumber: 1, totalThoughts: 2, nextThoughtNeeded: true });
  const counted = (thoughtHistoryLength: number) => ({ structuredContent: { thoughtHistoryLength } });

  test('with a process for each session, each counts its own thoughts', async () => {
    const target = await governed('thinking', { stdioIsolation: 'PER_SESSION' });
    const [one, two] = [await connect(target), await connect(target)];
    expect(await thought(one)).toMatchObject(counted(1));
    expect(await thought(one)).toMatchObject(counted(2));
    expect(await thought(two)).toMatchObject(counted(1));
  });

  test('with one process for all, it counts the thoughts of everybody', async () => {
    const target = await governed('thinking');
    const [one, two] = [await connect(target), await connect(target)];
    expect(await thought(one)).toMatchObject(counted(1));
    expect(await thought(two)).toMatchObject(counted(2));
  });
});
