/** Finds the reason in what PostgreSQL says when it gives up: in its log, or in its answer to a client. */

const MARK = /\b(?:FATAL|PANIC|ERROR|error):\s*/;
/** What the server says before it has a log, over several lines of which the first has the reason. */
const EARLY_MARK = /^(?:postgres|initdb): /;

/** The last line that is marked as an error, with its detail, and without its time stamp. */
export function lastComplaint(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const place = lines.findLastIndex((line) => MARK.test(line));
  if (place === -1) return (lines.find((line) => EARLY_MARK.test(line)) ?? lines.at(-1) ?? 'it gave no reason').replace(EARLY_MARK, '').trim();
  const detail = /\bDETAIL:\s*(.*)$/.exec(lines[place + 1] ?? '')?.[1];
  return joined(afterMark(lines[place] ?? ''), detail);
}

/** The message of an error of `pg`, with its detail. */
export function complaintOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return joined(error.message, 'detail' in error && typeof error.detail === 'string' ? error.detail : undefined);
}

function joined(message: string, detail: string | undefined): string {
  return detail === undefined ? message : `${message}: ${detail.replace(/\.$/, '')}`;
}

function afterMark(line: string): string {
  return line
    .slice(MARK.exec(line)?.index ?? 0)
    .replace(MARK, '')
    .trim();
}
