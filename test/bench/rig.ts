/** Starts programs on the core that the benchmark gives them, and reads what they cost the processor. */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, ROOT, startProgram, type Program } from '../support/processes.ts';

/** The contender has one core to itself; the load, the upstream and Redis share the other. */
export const CONTENDER_CORE = '0';
export const LOAD_CORE = '1';

const PACKAGES: Readonly<Record<string, string>> = { nginx: 'nginx', wrk: 'wrk', 'redis-server': 'redis-server', taskset: 'util-linux', nice: 'coreutils' };
const SCRIPTS = 'data-plane/counters/scripts';
let microsPerTick: number | undefined;

/** Throws one sentence for programs that the machine lacks. */
export function requirePrograms(): void {
  const missing = Object.keys(PACKAGES).filter((program) => !isInstalled(program));
  if (missing.length > 0)
    throw new Error(`the benchmark needs ${missing.join(', ')}: apt-get install ${missing.map((program) => PACKAGES[program]).join(' ')}`);
  try {
    for (const core of [CONTENDER_CORE, LOAD_CORE]) execFileSync('taskset', ['-c', core, 'true'], { stdio: 'ignore' });
  } catch (cause) {
    throw new Error(`the benchmark needs the cores ${CONTENDER_CORE} and ${LOAD_CORE} of a Linux machine`, { cause });
  }
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

export interface NodeProgram {
  /** Below `test/bench/contenders`, without extension. */
  readonly script: string;
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly nodeOptions?: readonly string[];
  /** Lets others go first on the core: 19 is the most patient. */
  readonly niceness?: number;
}

export function startNode(core: string, { script, args = [], environment = {}, nodeOptions = [], niceness = 0 }: NodeProgram): Program {
  return startOn(
    core,
    'nice',
    ['-n', String(niceness), process.execPath, ...nodeOptions, join(ROOT, 'dist-bench/test/bench/contenders', `${script}.js`), ...args],
    environment,
  );
}

/** Benchmarks run what production runs: compiled JavaScript, without a loader. */
export function compile(): void {
  execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', join(ROOT, 'test/bench/tsconfig.json')], { stdio: 'inherit' });
  cpSync(join(ROOT, SCRIPTS), join(ROOT, 'dist-bench', SCRIPTS), { recursive: true });
}

/** User and system time of a program with its threads and children, in microseconds. */
export function cpuMicrosOf({ child }: Program): number {
  if (child.pid === undefined || child.exitCode !== null) throw new Error('a program that should be measured is not running');
  return cpuTicksOf(child.pid) * tickMicros();
}

/** Time that the contender's core has been at work, for whomever, in microseconds. */
export function contenderCoreMicros(): number {
  const line =
    readFileSync('/proc/stat', 'utf8')
      .split('\n')
      .find((each) => each.startsWith(`cpu${CONTENDER_CORE} `)) ?? '';
  // user nice system idle iowait irq softirq steal: all but idling.
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(' ').map(Number);
  return (user + nice + system + irq + softirq + steal) * tickMicros();
}

function tickMicros(): number {
  return (microsPerTick ??= 1_000_000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })));
}

function cpuTicksOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // Fields 14 to 17 of proc(5): utime, stime, cutime, cstime; the name before them may hold spaces.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const own = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return childrenOf(pid).reduce((sum, child) => sum + cpuTicksOf(child), own);
}

function childrenOf(pid: number): number[] {
  const lists = readdirSync(`/proc/${pid}/task`).map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8'));
  return lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
}

/** Waits until the URL answers 200; fails with the program's own words when it ends instead. */
export async function untilReady(program: Program, url: string, init: RequestInit = {}): Promise<void> {
  const state = await eventually(async () => (program.child.exitCode === null ? isOk(url, init) : 'ended'), `${url} answering`);
  if (state === 'ended') throw new Error(`a program ended instead of answering: ${program.output()}`);
}

async function isOk(url: string, init: RequestInit): Promise<'ok' | undefined> {
  const response = await fetch(url, init);
  await response.arrayBuffer();
  return response.ok ? 'ok' : undefined;
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
