/** A log that keeps its lines, for tests that promise what is logged. */
import { pino, type Logger } from 'pino';

export function recordingLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  return { log: pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) }), lines };
}
