/** The demo upstream: the official everything server, as a program for STDIO and as a child of ours on a loopback port for HTTP. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { ProcessReaper } from '../../data-plane/transports/process-reaper.ts';

const listeningSchema = z.object({ port: z.int() });

export const EVERYTHING_PACKAGE = '@modelcontextprotocol/server-everything';

/** How the gateway starts the demo server over STDIO. */
export interface DemoProgram {
  readonly command: string;
  readonly args: readonly string[];
}

export function demoProgram(): DemoProgram {
  return { command: realpathSync(process.execPath), args: [everythingServer(), 'stdio'] };
}

export interface DemoHttpServer {
  readonly port: number;
  readonly endpointUrl: string;
  close(): Promise<void>;
}

/** Takes the port of the last start when it is still free, and another one otherwise. The reaper ends the child when this process is killed. */
export async function startDemoHttpServer(lastPort: number | undefined, reaper: ProcessReaper): Promise<DemoHttpServer> {
  const started = (lastPort === undefined ? undefined : await tryPort(lastPort, reaper)) ?? (await tryPort(0, reaper));
  if (started === undefined) throw new Error('the demo server over HTTP ended before it listened');
  const { child, pid, port } = started;
  return {
    port,
    endpointUrl: `http://127.0.0.1:${port}/mcp`,
    close: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }
      reaper.release(pid);
    },
  };
}

interface StartedChild {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly port: number;
}

/** Undefined when the child ended without listening, as it does when the port is taken. */
async function tryPort(port: number, reaper: ProcessReaper): Promise<StartedChild | undefined> {
  const preload = fileURLToPath(new URL('./bind-loopback.cjs', import.meta.url));
  const child = spawn(process.execPath, ['--require', preload, everythingServer(), 'streamableHttp'], {
    detached: true,
    env: { PORT: String(port) },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const listening = new Promise<number | undefined>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => resolve(undefined));
    child.once('message', (message) => resolve(listeningSchema.parse(message).port));
  });
  const { pid } = child;
  if (pid !== undefined) reaper.watch(pid);
  const heard = await listening;
  if (pid === undefined) return undefined;
  if (heard !== undefined) return { child, pid, port: heard };
  reaper.release(pid);
  return undefined;
}

function everythingServer(): string {
  return createRequire(import.meta.url).resolve(`${EVERYTHING_PACKAGE}/dist/index.js`);
}
