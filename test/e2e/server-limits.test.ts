/** What a server may take is set over GraphQL, holds from the next call on, and is told to the caller where it ends a call. */
import { existsSync } from 'node:fs';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GatewayClient, refusalOf, toolCall } from '../support/gateway-client.ts';
import { listenOnLoopback, type Loopback } from '../support/loopback.ts';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';
import { eventually } from '../support/processes.ts';

const ANSWER = '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}';

let directory: string;
let launch: { stdioCommand: string; stdioArgs: string[] };
let upstream: Loopback;
let planes: TestPlanes;
let gateway: GatewayClient;
/** What the upstream does with the next request. */
let deed: (response: ServerResponse) => void;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'turnpike-limits-'));
  const program = join(directory, 'warm.mjs');
  await writeFile(program, `import { writeFileSync } from 'node:fs'; writeFileSync(new URL('started', import.meta.url), ''); process.stdin.resume();`);
  launch = { stdioCommand: await realpath(process.execPath), stdioArgs: [program] };
  const allowlist = join(directory, 'allowlist.json');
  await writeFile(allowlist, JSON.stringify({ entries: [{ command: launch.stdioCommand, args: [RegExp.escape(program)], env: [] }] }));
  upstream = await listenOnLoopback(createServer((request, response) => void request.resume().on('end', () => deed(response))));
  planes = await startTestPlanes({ TURNPIKE_STDIO_ALLOWLIST: allowlist });
  gateway = new GatewayClient(planes.dataUrl);
}, 120_000);

afterAll(async () => {
  await planes?.close();
  await upstream?.close();
  await rm(directory, { recursive: true, force: true });
});

const json = (response: ServerResponse, body: string) => void response.writeHead(200, { 'content-type': 'application/json' }).end(body);
const governed = (slug: string, limits: Record<string, unknown>) => planes.governed({ slug, endpointUrl: `${upstream.origin}/mcp`, limits });

async function setLimits(slug: string, limits: unknown): Promise<void> {
  const { server } = await planes.control.admin.query('query($slug: String!) { server(slug: $slug) { id } }', { slug });
  const { id } = Object(server);
  await planes.control.admin.mutate('updateServer', 'UpdateServerInput', { id, limits }, 'server { id }');
}

test('time: a call beyond it is refused with the reason, and one within another limit is answered', async () => {
  const { apiKey: key } = await governed('slow', { headersTimeoutMs: 60_000, totalTimeoutMs: 100 });
  deed = (response) => void setTimeout(() => json(response, ANSWER), 1000);
  expect(refusalOf(await gateway.send('slow', { key }))).toMatchObject({ data: { code: 'upstream_timeout', reason: 'total_timeout', status: 504 } });
  await setLimits('slow', { totalTimeoutMs: null });
  await eventually(async () => ((await gateway.send('slow', { key })).text === ANSWER ? true : undefined), 'the default being in force');
});

test('bytes: an answer beyond them is refused, by default it is not', async () => {
  const { apiKey: key } = await governed('large', { responseBytesMax: 1000 });
  const large = ANSWER.replace('[]', `["${'x'.repeat(1000)}"]`);
  deed = (response) => json(response, large);
  expect(refusalOf(await gateway.send('large', { key }))).toMatchObject({ data: { code: 'upstream_error', reason: 'response_too_large', status: 502 } });
  await setLimits('large', null);
  await eventually(async () => ((await gateway.send('large', { key })).text === large ? true : undefined), 'the default being in force');
});

test('an event that becomes too large on its way ends the stream with an event of its own that says so', async () => {
  const { url, apiKey } = await governed('endless', { eventBytesMax: 5000 });
  const begun = Promise.withResolvers<ServerResponse>();
  deed = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: {"begins":"');
    begun.resolve(response);
  };
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const { body } = await fetch(url, { method: 'POST', headers, body: toolCall('echo') });
  let text = '';
  for await (const chunk of body ?? []) {
    text += Buffer.from(chunk).toString('utf8');
    // Only now, so that what has begun is on its way already.
    if (text === 'data: {"begins":"') (await begun.promise).write('x'.repeat(10_000));
  }
  const [cut, last] = text.split('\n\n');
  expect(cut).toBe('data: {"begins":"');
  expect(JSON.parse(last?.split('data: ')[1] ?? '')).toMatchObject({ id: 1, error: { data: { code: 'upstream_error', reason: 'response_too_large' } } });
});

test('a process that is to be warm runs without being called, as soon as its server is enabled', async () => {
  const { id } = await planes.control.admin.createServer({ name: 'Warm', slug: 'warm', transport: 'STDIO', ...launch, limits: { warmProcesses: 1 } });
  expect(existsSync(join(directory, 'started'))).toBe(false);
  await planes.control.admin.mutate('setServerEnabled', 'SetEnabledInput', { id, enabled: true }, 'server { id }');
  await eventually(() => (existsSync(join(directory, 'started')) ? true : undefined), 'the warm process');
});
