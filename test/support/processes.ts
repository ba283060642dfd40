/** Starts programs for tests, waits until they are really there, and leaves none behind. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const READY_DEADLINE_MILLIS = 60_000;
const POLL_MILLIS = 25;

export interface Program {
  readonly child: ChildProcess;
  /** Everything that it has written so far, both streams. */
  output(): string;
  /** Sends the signal and waits for the end; answers the exit code, or the signal's name. */
  stop(signal?: NodeJS.Signals): Promise<number | string>;
}

export function startProgram(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  { directory = ROOT, ...owner }: { directory?: string; uid?: number; gid?: number } = {},
): Program {
  const child = spawn(command, args, { ...owner, cwd: directory, env: { ...inheritedEnvironment(), ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const note = (chunk: Buffer) => (output += chunk.toString('utf8'));
  child.stdout.on('data', note);
  child.stderr.on('data', note);
  const ended = new Promise<number | string>((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown')));
  return {
    child,
    output: () => output,
    stop: (signal = 'SIGTERM') => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return ended;
    },
  };
}

/** Only what programs need to run at all: settings of the machine must not leak into tests. */
function inheritedEnvironment(): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of ['PATH', 'HOME', 'LANG', 'TMPDIR', 'USER']) {
    const value = process.env[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

/** Asks again until the answer is there; fails with what was last seen when it does not come. */
export async function eventually<Value>(
  ask: () => Promise<Value | undefined> | Value | undefined,
  what: string,
  deadlineMillis = READY_DEADLINE_MILLIS,
): Promise<Value> {
  const deadline = Date.now() + deadlineMillis;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      const value = await ask();
      if (value !== undefined) return value;
    } catch (error) {
      last = error;
    }
    await pause(POLL_MILLIS);
  }
  throw new Error(
    `${what} did not happen within ${deadlineMillis} ms${last === undefined ? '' : `: ${last instanceof Error ? last.message : JSON.stringify(last)}`}`,
  );
}

export async function answersOk(url: string): Promise<true | undefined> {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response.ok ? true : undefined;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

function pause(millis: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, millis);
  });
}
