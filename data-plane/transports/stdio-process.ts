/** Runs one child process in a process group of its own, and ends it together with everything that it started. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { Logger } from 'pino';
import { Refusal } from '../../shared/refusal.ts';
import { endOfGroup, signalGroup } from './process-group.ts';
import type { ProcessIsolation } from './process-isolation.ts';
import type { ProcessReaper } from './process-reaper.ts';
import { StderrTail } from './stderr-tail.ts';
import type { StdioLimits } from './stdio-limits.ts';
import { LineFramer } from './stdio-lines.ts';
import { Outbox } from './stdio-outbox.ts';

/** What is started. The program has been judged before. */
export interface ChildProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Values that must not be told. */
  readonly secrets: readonly string[];
}

export interface ProcessParts {
  readonly isolation: ProcessIsolation;
  readonly reaper: ProcessReaper;
  readonly limits: StdioLimits;
  readonly log: Logger;
}

export interface ChildEnding {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The last lines of its standard error, without secrets. */
  readonly stderr: string;
}

export interface ChildEvents {
  onLine(line: Buffer): void;
  onLineTooLong(): void;
  /** It has exited and everything that it wrote has been read. */
  onEnd(ending: ChildEnding): void;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** A descendant in another session may hold the pipes open for ever. */
const PIPES_GRACE_MILLIS = 500;
/** A child that floods its standard error is slowed down, so that it cannot keep this process busy. */
const STDERR_BYTES_PER_TURN = 1024 * 1024;
const STDERR_PAUSE_MILLIS = 100;

export class StdioProcess {
  readonly outbox: Outbox;
  readonly pid: number;
  /** Settles when the whole group is gone and its directory is removed. Never rejects. */
  readonly gone: Promise<void>;
  readonly #child: Child;
  readonly #program: ChildProgram;
  readonly #limits: StdioLimits;
  readonly #stderr: StderrTail;
  #ladder: NodeJS.Timeout | undefined;
  #isEnding = false;
  #hasExited = false;

  /** Throws a refusal when the program cannot be started. */
  constructor(program: ChildProgram, parts: ProcessParts, events: ChildEvents) {
    this.#program = program;
    this.#limits = parts.limits;
    this.#stderr = new StderrTail(parts.limits.stderrTailBytesMax);
    const directory = mkdtempSync(join(tmpdir(), 'turnpike-stdio-'));
    const { child, pid } = start(program, directory, parts.isolation);
    parts.reaper.watch(pid);
    this.#child = child;
    this.pid = pid;
    this.outbox = new Outbox(child.stdin, parts.limits.outboxBytesMax);
    this.#listen(events);
    this.gone = this.#untilEnd(events)
      .then(() => endOfGroup(pid))
      .then(() => {
        parts.reaper.release(pid);
        return rm(directory, { recursive: true, force: true });
      })
      .catch((error: unknown) => parts.log.warn({ err: error, pid }, 'a STDIO server left something behind'));
  }

  /** Takes no further calls, because it was told to end or stopped listening or talking by itself. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Asks the child to end, and makes it: end of its input, then SIGTERM, then SIGKILL to its group. */
  stop(): Promise<void> {
    if (this.#isEnding) return this.gone;
    this.#isEnding = true;
    this.#child.stdin.end();
    this.#ladder = setTimeout(() => {
      this.#signal('SIGTERM');
      this.#ladder = setTimeout(() => this.#signal('SIGKILL'), this.#limits.terminateGraceMillis);
    }, this.#limits.endOfInputGraceMillis);
    return this.gone;
  }

  kill(): void {
    this.#isEnding = true;
    this.#signal('SIGKILL');
  }

  #signal(signal: NodeJS.Signals): void {
    if (!this.#hasExited) signalGroup(this.pid, signal);
  }

  #listen(events: ChildEvents): void {
    const { stdin, stdout, stderr } = this.#child;
    const framer = new LineFramer(this.#limits.lineBytesMax, (line) => events.onLine(line));
    stdout.on('data', (chunk: Buffer) => {
      if (framer.push(chunk)) return;
      stdout.removeAllListeners('data').resume();
      events.onLineTooLong();
    });
    let room = STDERR_BYTES_PER_TURN;
    stderr.on('data', (chunk: Buffer) => {
      this.#stderr.push(chunk);
      room -= chunk.length;
      if (room > 0) return;
      room = STDERR_BYTES_PER_TURN;
      stderr.pause();
      setTimeout(() => stderr.resume(), STDERR_PAUSE_MILLIS);
    });
    // A broken pipe is how the end of the child looks from here; the exit tells the rest, and comes at once or is brought about.
    const onBroken = (): void => void this.stop();
    stdin.on('error', onBroken);
    stdout.on('error', onBroken).on('end', onBroken);
    stderr.on('error', onBroken);
  }

  #untilEnd(events: ChildEvents): Promise<void> {
    return new Promise((resolve) => {
      let pipes: NodeJS.Timeout | undefined;
      this.#child.once('exit', () => {
        this.#signal('SIGKILL');
        this.#hasExited = true;
        this.#isEnding = true;
        clearTimeout(this.#ladder);
        pipes = setTimeout(() => {
          this.#child.stdout.destroy();
          this.#child.stderr.destroy();
        }, PIPES_GRACE_MILLIS);
      });
      this.#child.once('close', (exitCode, signal) => {
        clearTimeout(pipes);
        events.onEnd({ exitCode, signal, stderr: this.#stderr.tell(this.#program.secrets) });
        resolve();
      });
    });
  }
}

function start(program: ChildProgram, directory: string, isolation: ProcessIsolation): { child: Child; pid: number } {
  try {
    const { command, args, user } = isolation.launch(program.command, program.args);
    if (isolation.user !== undefined) chownSync(directory, isolation.user.uid, isolation.user.gid);
    const child = spawn(command, args, {
      ...user,
      shell: false,
      detached: true,
      cwd: directory,
      // The home of the gateway is closed to another user.
      env: isolation.user === undefined ? program.environment : { HOME: directory, ...program.environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    // Why a start failed comes as an event, and an event that nobody hears would end this process.
    child.on('error', () => undefined);
    if (child.pid === undefined) throw new Error('the system started no process');
    return { child, pid: child.pid };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw new Refusal('stdio_error', 'stdio_unavailable', `the command ${program.command} could not be started`, {}, { cause: error });
  }
}

export function describeEnding(ending: ChildEnding): string {
  return ending.signal === null ? `exited with code ${ending.exitCode}` : `was ended by ${ending.signal}`;
}
