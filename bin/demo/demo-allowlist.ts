/** The allow-list of the standalone mode: names the demo server's program, and nothing else unless the operator adds it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readStdioAllowlist, StdioAllowlist, type StdioAllowlistDocument } from '../../shared/stdio-allowlist.ts';
import { readSecret } from '../secret-files.ts';
import { EVERYTHING_PACKAGE, type DemoProgram } from './everything-server.ts';

const FILE = 'stdio-allowlist.json';

export interface DemoAllowlist {
  readonly path: string;
  /** False when the operator's list does not name the demo's program: then there is no demo over STDIO. */
  readonly allowsDemo: boolean;
}

/** Writes the list at the first start, and puts the demo's own entry right when the program has moved. An operator's list is only read. */
export async function demoAllowlist(directory: string, operatorPath: string | undefined, program: DemoProgram): Promise<DemoAllowlist> {
  const path = operatorPath ?? join(directory, FILE);
  const text = await readSecret(path);
  if (operatorPath === undefined) {
    const document = withDemo(text === undefined ? undefined : readStdioAllowlist(text, path), program);
    if (document !== undefined) {
      await writeFile(path, `${JSON.stringify(document, null, 2)}\n`, { mode: 0o600 });
      return { path, allowsDemo: true };
    }
  }
  if (text === undefined) throw new Error(`the STDIO allow-list ${path} does not exist`);
  const list = StdioAllowlist.parse(text, path);
  return { path, allowsDemo: list.objectionTo({ ...program, envNames: [] }) === undefined };
}

/** Undefined when nothing is to be written: the list is right, or the operator has taken the demo out. */
export function withDemo(document: StdioAllowlistDocument | undefined, program: DemoProgram): StdioAllowlistDocument | undefined {
  const npmPackage = { name: EVERYTHING_PACKAGE, args: program.args.slice(0, 1) };
  const entry = { command: program.command, args: program.args.map(literalPattern), env: [], npmPackage };
  if (document === undefined) return { entries: [entry] };
  const place = document.entries.findIndex(({ args }) => args[0]?.includes('server-everything') === true);
  if (place === -1 || JSON.stringify(document.entries[place]) === JSON.stringify(entry)) return undefined;
  return { entries: document.entries.with(place, entry) };
}

/** A regular expression that matches this text only. */
function literalPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}
