/** A client with sessions through the gateway to a program that speaks only 2026-07-28 over STDIO. */
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';
import { eventually } from '../support/processes.ts';
import { FIXTURE } from '../support/stdio-caller.ts';

let planes: TestPlanes;
let directory: string;
let program: object;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'turnpike-modern-stdio-'));
  const command = await realpath(process.execPath);
  const path = join(directory, 'allowlist.json');
  await writeFile(path, JSON.stringify({ entries: [{ command, args: [RegExp.escape(FIXTURE)], env: ['FIXTURE_MODE'] }] }));
  program = { transport: 'STDIO', stdioCommand: command, stdioArgs: [FIXTURE], stdioEnv: [{ name: 'FIXTURE_MODE', value: 'modern' }] };
  planes = await startTestPlanes({ TURNPIKE_STDIO_ALLOWLIST: path });
}, 120_000);

afterAll(async () => {
  await planes?.close();
  await rm(directory, { recursive: true, force: true });
});

test.each(['SHARED', 'PER_SESSION'])('calls, answers and listens, with the isolation %s', async (stdioIsolation) => {
  const { url, apiKey } = await planes.governed({ slug: `modern-${stdioIsolation === 'SHARED' ? 'shared' : 'apart'}`, stdioIsolation, ...program });
  const client = new Client({ name: 'old-client', version: '1.0.0' }, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { name: 'Ada' } }));
  let changes = 0;
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void changes++);
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { authorization: `Bearer ${apiKey}` } } }));
  expect(client.getServerCapabilities()).toEqual({ tools: { listChanged: true } });
  expect((await client.callTool({ name: 'echo', arguments: { text: 'hi' } })).content).toEqual([{ type: 'text', text: 'hi' }]);
  expect((await client.callTool({ name: 'question' })).content).toEqual([{ type: 'text', text: 'Hello, Ada!' }]);
  await eventually(async () => {
    await client.callTool({ name: 'announce' });
    return changes > 0 ? true : undefined;
  }, 'the announcement');
  await client.close();
});
