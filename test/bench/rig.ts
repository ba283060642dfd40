/** Starts the programs of the benchmark on their cores, and reads what they cost the processor. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, freePort, ROOT, startProgram, type Program } from '../support/processes.ts';

/** The contender has one core to itself; the load, the upstream and Redis share the other. */
export const CONTENDER_CORE = '0';
export const LOAD_CORE = '1';
const MICROS_PER_TICK = 1_000_000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

const PACKAGES: Readonly<Record<string, string>> = { nginx: 'nginx', wrk: 'wrk', 'redis-server': 'redis-server', taskset: 'util-linux' };

/** Throws one sentence for programs that the machine lacks. */
export function requirePrograms(): void {
  const missing = Object.keys(PACKAGES).filter((program) => !isInstalled(program));
  if (missing.length > 0) throw new Error(`the benchmark needs ${missing.join(', ')}: apt-get install ${missing.map((program) => PACKAGES[program]).join(' ')}`);
}

function isInstalled(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return true;
  } catch {
    // The question was only whether it is there.
    return false;
  }
}

export function startOn(core: string, command: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}): Program {
  return startProgram('taskset', ['-c', core, command, ...args], environment);
}

export function startNode(core: string, script: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}): Program {
  return startOn(core, process.execPath, [join(ROOT, 'dist-bench', script), ...args], environment);
}

/** Benchmarks run what production runs: compiled JavaScript, without a loader. */
export function compile(): void {
  execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', join(ROOT, 'test/bench/tsconfig.json')], { stdio: 'inherit' });
  execFileSync('cp', ['-r', join(ROOT, 'data-plane/counters/scripts'), join(ROOT, 'dist-bench/data-plane/counters/')]);
}

/** User and system time of a process with its threads and children, in microseconds. */
export function cpuMicrosOf(pid: number): number {
  const own = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = own.slice(own.lastIndexOf(')') + 2).split(' ').map(Number);
  const ticks = fields.slice(11, 15).reduce((sum, value) => sum + value, 0);
  return ticks * MICROS_PER_TICK + childrenOf(pid).reduce((sum, child) => sum + cpuMicrosOf(child), 0);
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number));
}

export async function startNginx(upstreamPort: number): Promise<{ program: Program; port: number }> {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'turnpike-nginx-'));
  const configuration = `worker_processes 1; daemon off; pid ${directory}/pid; error_log ${directory}/error.log;
events { worker_connections 1024; }
http { access_log off; client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy; fastcgi_temp_path ${directory}/f; uwsgi_temp_path ${directory}/u; scgi_temp_path ${directory}/s;
  upstream tools { server 127.0.0.1:${upstreamPort}; keepalive 256; }
  server { listen 127.0.0.1:${port}; keepalive_requests 100000000; location / { proxy_pass http://tools; proxy_http_version 1.1; proxy_set_header Connection ""; } } }`;
  writeFileSync(join(directory, 'nginx.conf'), configuration);
  return { program: startOn(CONTENDER_CORE, 'nginx', ['-c', join(directory, 'nginx.conf'), '-p', directory]), port };
}

export async function startRedis(): Promise<{ program: Program; url: string }> {
  const port = await freePort();
  const program = startOn(LOAD_CORE, 'redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', mkdtempSync(join(tmpdir(), 'turnpike-redis-'))]);
  return { program, url: `redis://127.0.0.1:${port}` };
}

/** Waits until whoever listens there answers anything at all. */
export async function listens(port: number, path = '/'): Promise<void> {
  await eventually(async () => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
    await response.arrayBuffer();
    return true;
  }, `port ${port} answering`);
}

/** Runs a program on the load's core to its end, and answers what it printed. */
export function runOnLoadCore(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('taskset', ['-c', LOAD_CORE, command, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
    child.once('error', reject);
    child.once('exit', (code) => (code === 0 ? resolve(output) : reject(new Error(`${command} ended with ${code}`))));
  });
}
