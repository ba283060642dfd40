/** The first minute: `npm start` in an empty directory, as a newcomer does it. */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { AdminClient } from '../support/admin-client.ts';
import { GatewayClient, refusalOf, toolCall } from '../support/gateway-client.ts';
import { eventually, freePort, ROOT, startProgram, type Program } from '../support/processes.ts';

const run = promisify(execFile);
const SECRET_FILES = ['admin-token', 'setup-link', 'demo.env', 'secret.key', 'data-plane-token'];

let directory: string;
let environment: Record<string, string>;
let program: Program;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'turnpike-start-'));
  // The database of root runs as another account, which must be able to go through.
  await chmod(directory, 0o755);
  environment = {
    TURNPIKE_DATA_DIR: join(directory, 'data'),
    CONTROL_PLANE_PORT: String(await freePort()),
    DATA_PLANE_PORT: String(await freePort()),
  };
  program = await started();
}, 120_000);

afterAll(async () => {
  await program?.stop('SIGINT');
  await rm(directory, { recursive: true, force: true });
});

async function started(): Promise<Program> {
  const starting = startProgram(process.execPath, [join(ROOT, 'bin/turnpike.mjs'), 'start'], environment);
  const state = await eventually(
    () => (starting.output().includes('Development mode') ? 'ready' : starting.child.exitCode === null ? undefined : 'ended'),
    'the welcome',
  );
  if (state === 'ended') throw new Error(`it ended: ${starting.output()}`);
  return starting;
}

async function demo(): Promise<{ gatewayUrl: string; key: string }> {
  const text = await readFile(join(environment['TURNPIKE_DATA_DIR'] ?? '', 'demo.env'), 'utf8');
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? '';
  return { gatewayUrl: new URL(value('TURNPIKE_GATEWAY_URL')).origin, key: value('TURNPIKE_API_KEY') };
}

async function administrator(): Promise<AdminClient> {
  const token = await readFile(join(environment['TURNPIKE_DATA_DIR'] ?? '', 'admin-token'), 'utf8');
  return new AdminClient(`http://127.0.0.1:${environment['CONTROL_PLANE_PORT']}/graphql`, token.trim());
}

test('the printed curl line works verbatim', async () => {
  const line = /curl -s[\s\S]*?'\{.*\}'/.exec(program.output())?.[0] ?? '';
  const { stdout } = await run('sh', ['-c', line]);
  expect(JSON.parse(stdout)).toMatchObject({ jsonrpc: '2.0', id: '1', result: { tools: expect.arrayContaining([expect.objectContaining({ name: 'echo' })]) } });
  expect(stdout).not.toContain('get-env');
});

test.each(['demo', 'demo-http'])('the demo server %s is called, its blocked tool is refused, and both are recorded', async (slug) => {
  const { gatewayUrl, key } = await demo();
  const gateway = new GatewayClient(gatewayUrl);
  const answer = await gateway.send(slug, { key, body: toolCall('echo', { message: 'hello' }) });
  expect(JSON.parse(answer.text)).toMatchObject({ result: { content: [{ text: 'Echo: hello' }] } });
  if (slug === 'demo') expect(refusalOf(await gateway.send(slug, { key, body: toolCall('get-env') })).data.reason).toBe('blocked_tool');
  const admin = await administrator();
  await eventually(async () => {
    const { usageRecord } = await admin.query('query($id: String!) { usageRecord(requestId: $id) { decision } }', {
      id: answer.headers.get('turnpike-request-id'),
    });
    return usageRecord === null ? undefined : true;
  }, 'the record');
});

test('the call that is denied in the demo is explained as it is denied', async () => {
  const admin = await administrator();
  const { servers, apiKeys } = await admin.query('{ servers { nodes { id slug } } apiKeys { nodes { id } } }');
  const server = z
    .object({ nodes: z.array(z.object({ id: z.string(), slug: z.string() })) })
    .parse(servers)
    .nodes.find(({ slug }) => slug === 'demo');
  const [key] = z.object({ nodes: z.array(z.object({ id: z.string() })) }).parse(apiKeys).nodes;
  const { explainAccess } = await admin.query(
    'query($input: ExplainAccessInput!) { explainAccess(input: $input) { explanation { denial { reason } } userErrors { code } } }',
    {
      input: { apiKeyId: key?.id, serverId: server?.id, tool: 'get-env' },
    },
  );
  expect(explainAccess).toEqual({ explanation: { denial: { reason: 'blocked_tool' } }, userErrors: [] });
});

test.each(SECRET_FILES)('%s can be read by its owner alone', async (file) => {
  expect((await stat(join(environment['TURNPIKE_DATA_DIR'] ?? '', file))).mode & 0o777).toBe(0o600);
});

test('the demo key may be limited: of 1,000 simultaneous calls against 300 a minute, in-process counters admit exactly 300', async () => {
  const { gatewayUrl, key } = await demo();
  const admin = await administrator();
  const server = await admin.createServer({ name: 'limited', slug: 'limited', transport: 'STREAMABLE_HTTP', endpointUrl: `${gatewayUrl}/v1/health` });
  const apiKey = await admin.createApiKey({ policy: { policies: { ratelimit: { requests: { per_minute: 300 } } } } });
  await admin.grant(apiKey.id, server.id);
  const gateway = new GatewayClient(gatewayUrl);
  expect(key).not.toBe(apiKey.secret);
  await eventually(async () => ((await gateway.send('unknown-server', { key: apiKey.secret })).status === 404 ? true : undefined), 'the key being known');
  await eventually(async () => {
    const { dataPlanes } = await admin.query('{ dataPlanes { configLag } }');
    return Array.isArray(dataPlanes) && dataPlanes.every((plane) => plane.configLag === '0') ? true : undefined;
  }, 'the grant being in force');
  const statuses = await Promise.all(
    Array.from({ length: 1000 }, async (_, id) => (await gateway.send('limited', { key: apiKey.secret, body: toolCall('echo', {}, id) })).status),
  );
  expect(statuses.filter((status) => status === 429)).toHaveLength(700);
});

test('a second one in the same directory, and one on a taken port, end with one sentence', async () => {
  const second = startProgram(process.execPath, [join(ROOT, 'bin/turnpike.mjs'), 'start'], environment);
  expect(await second.stop('SIGCONT')).toBe(1);
  expect(second.output()).toContain('is in use by another Turnpike');
  const elsewhere = startProgram(process.execPath, [join(ROOT, 'bin/turnpike.mjs'), 'start'], { ...environment, TURNPIKE_DATA_DIR: join(directory, 'other') });
  expect(await elsewhere.stop('SIGCONT')).toBe(1);
  expect(elsewhere.output()).toContain(`port ${environment['CONTROL_PLANE_PORT']} is taken`);
});

test('after Ctrl-C nothing is left, and the next start has the same key', async () => {
  const { key } = await demo();
  expect(await program.stop('SIGINT')).toBe(0);
  const { stdout } = await run('sh', ['-c', `ps -eo args | grep -F '${environment['TURNPIKE_DATA_DIR']}' | grep -v grep || true`]);
  expect(stdout).toBe('');
  program = await started();
  expect((await demo()).key).toBe(key);
});
