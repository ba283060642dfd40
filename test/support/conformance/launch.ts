/** How the fixture is started as a STDIO server, and the operator's file that lets it be. */
import { realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { STDIO_ENTRY } from './fixture.ts';

export interface FixtureLaunch {
  /** As a server is configured with it. */
  readonly server: {
    readonly transport: 'STDIO';
    readonly stdioIsolation: 'PER_SESSION';
    readonly stdioCommand: string;
    readonly stdioArgs: readonly string[];
  };
  readonly environment: { readonly TURNPIKE_STDIO_ALLOWLIST: string };
}

/** Writes the operator's file into the directory. */
export async function prepareFixtureLaunch(directory: string): Promise<FixtureLaunch> {
  const command = await realpath(process.execPath);
  const path = join(directory, 'stdio-allowlist.json');
  await writeFile(path, JSON.stringify({ entries: [{ command, args: [RegExp.escape(STDIO_ENTRY)], env: [] }] }));
  return {
    server: { transport: 'STDIO', stdioIsolation: 'PER_SESSION', stdioCommand: command, stdioArgs: [STDIO_ENTRY] },
    environment: { TURNPIKE_STDIO_ALLOWLIST: path },
  };
}
