/** Reads everything in a directory and below it as one text, for tests that look for what must not be there. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export function filesBelow(directory: string, except: readonly string[] = []): string {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !except.includes(entry.name));
  return files.map((file) => readFileSync(join(file.parentPath, file.name), 'latin1')).join('\n');
}
