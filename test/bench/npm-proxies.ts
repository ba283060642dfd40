/** Measures the gateway against MCP proxies from npm, all in front of the same STDIO server: `npx tsx test/bench/npm-proxies.ts [--rounds N] [--seconds N]`. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { freePort, ROOT, type Program } from '../support/processes.ts';
import { startRedis, startUsageReader } from './contenders.ts';
import { prepareGoverned } from './governed-config.ts';
import { CALL, runLoad, writeScripts } from './load.ts';
import { compile, CONTENDER_CORE, cpuMicrosOf, requirePrograms, startNode, startOn, untilReady } from './rig.ts';
import { Stage } from './stage.ts';

/** Installed for the run into a directory of its own: nobody who builds the gateway needs them. */
const PROXIES = ['supergateway@4.0.0', 'mcp-proxy@6.7.19'] as const;
const ECHO = join(ROOT, 'test/bench/stdio-echo.mjs');
const REVISION = '2025-11-25';
const WARM_UP_SECONDS = 6;

const count = z.coerce.number().int().min(1);
const options = z
  .object({ rounds: count, seconds: count })
  .parse(parseArgs({ options: { rounds: { type: 'string', default: '3' }, seconds: { type: 'string', default: '4' } } }).values);

interface Proxy {
  readonly name: string;
  readonly program: Program;
  readonly url: string;
  readonly script: string;
  cpuMicros: number;
}

requirePrograms();
compile();
const stage = new Stage();
await stage.run(async () => {
  const directory = stage.directory('npm');
  execFileSync('npm', ['install', '--prefix', directory, '--ignore-scripts', '--no-audit', '--no-fund', ...PROXIES], { stdio: 'ignore' });
  const proxies = [await startGoverned(), await startSupergateway(directory), await startMcpProxy(directory), await startSdkProxy()];
  process.stderr.write('a round that does not count, in which programs that have just started are compiled\n');
  for (const { url, script } of proxies) await runLoad(url, script, WARM_UP_SECONDS, () => Promise.resolve());
  for (let round = 1; round <= options.rounds; round++) for (const proxy of proxies) await measure(proxy, round);
  const own = proxies[0]?.cpuMicros ?? Number.NaN;
  for (const { name, cpuMicros } of proxies) process.stdout.write(`${name}: ${cpuMicros.toFixed(1)} µs a call, ${(cpuMicros / own).toFixed(1)} × Turnpike\n`);
});

/** The least disturbed round counts, as whatever disturbs a round only adds to it. */
async function measure(proxy: Proxy, round: number): Promise<void> {
  const { window, before, after } = await runLoad(proxy.url, proxy.script, options.seconds, () => Promise.resolve(cpuMicrosOf(proxy.program)));
  const cpuMicros = (after - before) / window.calls;
  proxy.cpuMicros = Math.min(proxy.cpuMicros, cpuMicros);
  process.stderr.write(`round ${round}: ${proxy.name} ${cpuMicros.toFixed(1)} µs, ${Math.round(window.callsPerSecond)} calls/s\n`);
}

/** Governed as in `npm run bench`, with counters in Redis, and without a session: each call is judged by itself. */
async function startGoverned(): Promise<Proxy> {
  const redis = await startRedis(stage);
  startUsageReader(stage, redis.url);
  const port = await freePort();
  const governed = await prepareGoverned({ command: process.execPath, args: [ECHO] }, stage.directory('governed'));
  const environment = { ...governed.environment, REDIS_URL: redis.url, DATA_PLANE_PORT: String(port) };
  const program = stage.add(startNode(CONTENDER_CORE, { script: 'governed-with-redis', environment }));
  await untilReady(program, `http://127.0.0.1:${port}/v1/healthz`);
  return ready('Turnpike', program, `http://127.0.0.1:${port}${governed.path}`, governed.token);
}

async function startSupergateway(directory: string): Promise<Proxy> {
  const port = await freePort();
  const wished = ['--stdio', `${process.execPath} ${ECHO}`, '--outputTransport', 'streamableHttp', '--stateful', '--port', String(port), '--logLevel', 'none'];
  return startFromNpm(directory, 'supergateway', wished, port);
}

async function startMcpProxy(directory: string): Promise<Proxy> {
  const port = await freePort();
  const wished = ['--server', 'stream', '--host', '127.0.0.1', '--port', String(port), '--no-eventStore', '--', process.execPath, ECHO];
  return startFromNpm(directory, 'mcp-proxy', wished, port);
}

async function startFromNpm(directory: string, name: string, args: readonly string[], port: number): Promise<Proxy> {
  const bin = join(directory, 'node_modules/.bin', name);
  return ready(name, stage.add(startOn(CONTENDER_CORE, process.execPath, [bin, ...args])), `http://127.0.0.1:${port}/mcp`, '');
}

async function startSdkProxy(): Promise<Proxy> {
  const port = await freePort();
  const program = stage.add(startNode(CONTENDER_CORE, { script: 'sdk-proxy', args: [String(port), process.execPath, ECHO] }));
  return ready('a proxy of the SDK', program, `http://127.0.0.1:${port}/mcp`, '');
}

/** Opens the one session that the load calls in, where there are sessions. */
async function ready(name: string, program: Program, url: string, token: string): Promise<Proxy> {
  const params = { protocolVersion: REVISION, capabilities: {}, clientInfo: { name: 'bench', version: '1.0.0' } };
  const initialize = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', authorization: `Bearer ${token}` };
  await untilReady(program, url, { method: 'POST', headers, body: initialize });
  const opened = await fetch(url, { method: 'POST', headers, body: initialize });
  await opened.arrayBuffer();
  const session = opened.headers.get('mcp-session-id');
  const inSession: Record<string, string> = session === null ? {} : { 'Mcp-Session-Id': session, 'MCP-Protocol-Version': REVISION };
  const post = (body: string) => fetch(url, { method: 'POST', headers: { ...headers, ...inSession }, body });
  await (await post(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }))).arrayBuffer();
  const answer = await (await post(CALL)).text();
  if (!answer.includes('yyyy')) throw new Error(`${name} does not reach the server: ${answer.slice(0, 200)}`);
  const { closedLoop } = writeScripts(stage.directory(name), token, { headers: inSession });
  return { name, program, url, script: closedLoop, cpuMicros: Infinity };
}
