/** What any STDIO server may take beside its own limits, and all of them together: processes, bytes and time. */
import { NODE_PROCESSES_MAX } from '../../shared/server-limits.ts';

export interface StdioLimits {
  /** Child processes of all servers together; an idle one gives way to one that is wanted. */
  readonly childrenMax: number;
  /** From the start of a child to its answer to `initialize`. */
  readonly startTimeoutMillis: number;
  /** How often children that are to be warm are looked after. */
  readonly warmCheckMillis: number;
  /** The longest line that a child may write. */
  readonly lineBytesMax: number;
  /** Bytes that may wait for a child to read its input. */
  readonly outboxBytesMax: number;
  /** How long a request of a child waits for its client to listen, before it is answered with an error. */
  readonly unheardMillis: number;
  /** What may wait for a client to listen: messages, and their bytes. */
  readonly unheardMessagesMax: number;
  readonly unheardBytesMax: number;
  /** Requests of one child that its client has not answered yet; one more is answered with an error. */
  readonly openQuestionsMax: number;
  /** How much of the end of a child's standard error is kept for the log. */
  readonly stderrTailBytesMax: number;
  /** From the end of a child's input to SIGTERM, and from there to SIGKILL. */
  readonly endOfInputGraceMillis: number;
  readonly terminateGraceMillis: number;
  /** How long a child stays after its server's configuration changed, in case that it is still of use. */
  readonly retireGraceMillis: number;
  /** So many deaths in this time stop new starts, for a pause that doubles each time. */
  readonly deathsMax: number;
  readonly deathsWindowMillis: number;
  readonly pauseMillisMin: number;
  readonly pauseMillisMax: number;
}

const MEBIBYTE = 1024 * 1024;

export const STDIO_LIMITS: StdioLimits = {
  childrenMax: NODE_PROCESSES_MAX,
  startTimeoutMillis: 20_000,
  warmCheckMillis: 1000,
  lineBytesMax: 10 * MEBIBYTE,
  outboxBytesMax: 16 * MEBIBYTE,
  unheardMillis: 10_000,
  unheardMessagesMax: 64,
  unheardBytesMax: 4 * MEBIBYTE,
  openQuestionsMax: 64,
  stderrTailBytesMax: 8192,
  endOfInputGraceMillis: 1000,
  terminateGraceMillis: 2000,
  retireGraceMillis: 10_000,
  deathsMax: 5,
  deathsWindowMillis: 60_000,
  pauseMillisMin: 5000,
  pauseMillisMax: 300_000,
};
