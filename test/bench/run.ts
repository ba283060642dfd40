/** `npm run bench`: what a governed call costs, as a ratio to nginx and to a proxy without governance in the same run. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { eventually, freePort, ROOT, type Program } from '../support/processes.ts';
import { prepareGoverned } from './governed-config.ts';
import { CALL, closedLoop, wrkScript } from './load.ts';
import { report, type Figures } from './report.ts';
import { compile, CONTENDER_CORE, cpuMicrosOf, listens, LOAD_CORE, requirePrograms, runOnLoadCore, startNginx, startNode, startRedis } from './rig.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '4' }, write: { type: 'boolean', default: false } } });
const STEADY_RATE = '1000';

interface Contender {
  readonly name: string;
  readonly program: Program;
  readonly origin: string;
  readonly path: string;
}

requirePrograms();
compile();
const upstreamPort = await freePort();
const upstream = startNode(LOAD_CORE, 'test/bench/contenders/upstream.js', [String(upstreamPort)]);
await listens(upstreamPort);
const redis = await startRedis();
const governed = await prepareGoverned(upstreamPort);
const script = wrkScript(governed.token);
const contenders = [await nginx(), await bare(), await governedBy('governed, Redis'), await governedBy('governed, in process')];
const figures = new Map(contenders.map(({ name }): [string, Figures] => [name, { cpuMicros: [], redisMicros: [], perSecond: [], p50Millis: [], p99Millis: [], steady: [] }]));
try {
  for (let round = 0; round < Number(values.rounds); round++) for (const contender of contenders) await measure(contender);
  await verifyRecords();
  const text = report(figures, { rounds: values.rounds, seconds: values.seconds });
  process.stdout.write(`${text}\n`);
  writeFileSync(join(ROOT, 'test/bench/results/latest.json'), `${JSON.stringify(Object.fromEntries(figures), undefined, 2)}\n`);
  if (values.write) writeFileSync(join(ROOT, 'docs/performance.md'), text);
} finally {
  for (const { program } of contenders) await program.stop('SIGTERM');
  await redis.program.stop();
  await upstream.stop('SIGKILL');
}

async function measure({ name, program, origin, path }: Contender): Promise<void> {
  const into = figures.get(name);
  if (into === undefined) throw new Error(`${name} is not measured`);
  const pid = program.child.pid ?? 0;
  const redisPid = redis.program.child.pid ?? 0;
  let [cpu, redisCpu] = [0, 0];
  const window = await closedLoop(origin + path, script, Number(values.seconds), {
    begin: () => ([cpu, redisCpu] = [cpuMicrosOf(pid), cpuMicrosOf(redisPid)]),
    end: () => ([cpu, redisCpu] = [cpuMicrosOf(pid) - cpu, cpuMicrosOf(redisPid) - redisCpu]),
  });
  into.cpuMicros.push(cpu / window.requests);
  into.redisMicros.push(redisCpu / window.requests);
  into.perSecond.push(window.requests / window.seconds);
  into.p50Millis.push(window.p50Millis);
  into.p99Millis.push(window.p99Millis);
  const steady = await runOnLoadCore(process.execPath, [join(ROOT, 'dist-bench/test/bench/contenders/steady-load.js'), origin, path, governed.token, STEADY_RATE, '4', CALL]);
  const [p50Millis = 0, p99Millis = 0] = steady.trim().split(' ').map(Number);
  into.steady.push({ p50Millis, p99Millis });
}

async function nginx(): Promise<Contender> {
  const { program, port } = await startNginx(upstreamPort);
  await listens(port);
  return { name: 'nginx', program, origin: `http://127.0.0.1:${port}`, path: '/mcp' };
}

async function bare(): Promise<Contender> {
  const port = await freePort();
  const program = startNode(CONTENDER_CORE, 'test/bench/contenders/bare-proxy.js', [String(port), String(upstreamPort)]);
  await listens(port);
  return { name: 'bare proxy', program, origin: `http://127.0.0.1:${port}`, path: '/mcp' };
}

async function governedBy(name: 'governed, Redis' | 'governed, in process'): Promise<Contender> {
  const port = await freePort();
  const environment = { ...governed.environment, DATA_PLANE_PORT: String(port), ...(name === 'governed, Redis' ? { REDIS_URL: redis.url } : {}) };
  const contender = name === 'governed, Redis' ? 'governed-with-redis' : 'governed-in-process';
  const program = startNode(CONTENDER_CORE, `test/bench/contenders/${contender}.js`, [], environment);
  await listens(port);
  return { name, program, origin: `http://127.0.0.1:${port}`, path: governed.path };
}

/** A gateway that forgot to count would be fast: every call of the load must have its event, and no intent may be left. */
async function verifyRecords(): Promise<void> {
  const client = new Redis(redis.url, { protocol: 2 });
  const upstreamCalls = figures.get('governed, Redis')?.perSecond.length ?? 0;
  const settled = await eventually(async () => ((await client.hlen(`{${governed.organisationId}}:intents`)) === 0 ? client.xlen(`{${governed.organisationId}}:usage`) : undefined), 'every intent being settled');
  client.disconnect();
  if (upstreamCalls > 0 && settled === 0) throw new Error('the governed calls left no usage events');
  process.stderr.write(`${settled} usage events in the stream, no intent left\n`);
}
