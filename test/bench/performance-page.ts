/** The page about performance, of which each benchmark writes its part and leaves the others alone. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/processes.ts';

/** What stands above it comes from `npm run bench`, its section from `npm run bench:feed`, and the sections behind are written by hand. */
export const FEED_HEADING = '## How soon a change is in force';
const PAGE = join(ROOT, 'docs/performance.md');

/** Writes everything above the feed's section anew. */
export function writeCallsPart(text: string): void {
  const { feed, rest } = readParts();
  writeParts([text, feed, rest]);
}

/** Writes the feed's section anew, which begins with its heading. */
export function writeFeedPart(text: string): void {
  const { calls, rest } = readParts();
  writeParts([calls, text, rest]);
}

function readParts(): { calls: string; feed: string; rest: string } {
  const page = readFileSync(PAGE, 'utf8');
  const from = page.indexOf(FEED_HEADING);
  if (from === -1) return { calls: page, feed: '', rest: '' };
  const next = page.indexOf('\n## ', from);
  const to = next === -1 ? page.length : next;
  return { calls: page.slice(0, from), feed: page.slice(from, to), rest: page.slice(to) };
}

function writeParts(parts: readonly string[]): void {
  const written = parts.map((part) => part.trim()).filter((part) => part !== '');
  writeFileSync(PAGE, `${written.join('\n\n')}\n`);
}
