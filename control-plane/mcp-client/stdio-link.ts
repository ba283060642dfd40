/** A STDIO server that the control plane starts to look at it: one that the operator allows, for as long as the look takes, with all that it starts. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { ReadBuffer, serializeMessage } from '@modelcontextprotocol/sdk/shared/stdio.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { StdioAllowlist } from '../../shared/stdio-allowlist.ts';

export interface StdioProgram {
  readonly command: string;
  readonly args: readonly string[];
  /** What its server's configuration sets. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Whom programs run as, and what every one of them sees of this process's environment. */
export interface StdioHost {
  readonly allowlist: StdioAllowlist;
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  readonly inherited: Readonly<Record<string, string>>;
}

/** A line that is longer is not waited for. */
const LINE_BYTES_MAX = 4 * 1024 * 1024;
/** How long a program may take to end when it is asked to. */
const END_MILLIS = 1000;

export class StdioLink implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #program: StdioProgram;
  readonly #host: StdioHost;
  readonly #lines = new ReadBuffer({ maxBufferSize: LINE_BYTES_MAX });
  #child: ChildProcess | undefined;
  #hasEnded = false;

  constructor(program: StdioProgram, host: StdioHost) {
    this.#program = program;
    this.#host = host;
  }

  /** Rejects when the operator does not allow the program, or when there is none. */
  async start(): Promise<void> {
    const { command, args, environment } = this.#program;
    const { allowlist, inherited, user } = this.#host;
    const objection = allowlist.objectionTo({ command, args, envNames: Object.keys(environment) });
    if (objection !== undefined) throw new Error(objection);
    // What it says on standard error may hold what it was given in secret.
    const child = spawn(command, [...args], {
      cwd: tmpdir(),
      env: { ...inherited, ...environment },
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
      shell: false,
      ...user,
    });
    this.#child = child;
    child.stdout.on('data', (chunk: Buffer) => this.#read(chunk));
    child.stdin.on('error', (error) => this.onerror?.(error));
    child.on('exit', (code, signal) => {
      this.#hasEnded = true;
      this.onerror?.(new Error(`the program ended with ${signal ?? code}`));
      this.onclose?.();
    });
    await once(child, 'spawn');
    child.on('error', (error) => this.onerror?.(error));
  }

  send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.#child?.stdin;
    return new Promise((resolve, reject) => {
      if (stdin == null || this.#hasEnded) return reject(new Error('the program has ended'));
      stdin.write(serializeMessage(message), (error) => (error == null ? resolve() : reject(error)));
    });
  }

  /** Resolves when the program is gone, and whatever is left of its process group is killed. */
  async close(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined) return;
    if (!this.#hasEnded) {
      const gone = once(child, 'exit');
      child.stdin?.end();
      signalGroup(child.pid, 'SIGTERM');
      const timer = setTimeout(signalGroup, END_MILLIS, child.pid, 'SIGKILL');
      await gone;
      clearTimeout(timer);
    }
    signalGroup(child.pid, 'SIGKILL');
  }

  #read(chunk: Buffer): void {
    try {
      this.#lines.append(chunk);
      for (let message = this.#nextMessage(); message !== null; message = this.#nextMessage()) if (message !== undefined) this.onmessage?.(message);
    } catch (error) {
      this.onerror?.(error instanceof Error ? error : new Error('unreadable output', { cause: error }));
      this.close().catch((failure: unknown) => this.onerror?.(failure instanceof Error ? failure : new Error('the program cannot be ended')));
    }
  }

  /** Null when there is no whole line; undefined for a line that is no message: programs print there what belongs on standard error. */
  #nextMessage(): JSONRPCMessage | null | undefined {
    try {
      return this.#lines.readMessage();
    } catch (error) {
      this.onerror?.(error instanceof Error ? error : new Error('unreadable line', { cause: error }));
      return undefined;
    }
  }
}

/** A group that is gone already needs no signal. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
