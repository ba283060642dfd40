/** The official everything server as a program of its own that speaks Streamable HTTP on loopback. */
import { join } from 'node:path';
import { eventually, freePort, ROOT, startProgram } from './processes.ts';

const PROGRAM = join(ROOT, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js');
/** The server listens everywhere by itself. */
const ON_LOOPBACK = join(ROOT, 'bin/demo/bind-loopback.cjs');

export interface EverythingServer {
  readonly url: string;
  stop(): Promise<unknown>;
}

export async function startEverything(): Promise<EverythingServer> {
  const port = await freePort();
  const program = startProgram(process.execPath, ['--require', ON_LOOPBACK, PROGRAM, 'streamableHttp'], { PORT: String(port) });
  await eventually(() => (program.output().includes('listening on port') ? true : undefined), 'the everything server listening');
  return { url: `http://127.0.0.1:${port}/mcp`, stop: () => program.stop() };
}
