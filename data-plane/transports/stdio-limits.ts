/** What a STDIO server may take: processes, calls, bytes and time. */

export interface StdioLimits {
  /** Child processes of all servers together; an idle one gives way to one that is wanted. */
  readonly childrenMax: number;
  /** Child processes of one server. */
  readonly childrenPerServerMax: number;
  /** Calls that one child works on at once; one more is refused. */
  readonly inFlightMax: number;
  /** How long a child is kept without a call. */
  readonly idleMillis: number;
  /** From the start of a child to its answer to `initialize`. */
  readonly startTimeoutMillis: number;
  /** From the arrival of a call to its answer. */
  readonly callTimeoutMillis: number;
  /** The longest line that a child may write. */
  readonly lineBytesMax: number;
  /** Bytes that may wait for a child to read its input. */
  readonly outboxBytesMax: number;
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
  childrenMax: 20,
  childrenPerServerMax: 1,
  inFlightMax: 256,
  idleMillis: 300_000,
  startTimeoutMillis: 20_000,
  callTimeoutMillis: 300_000,
  lineBytesMax: 10 * MEBIBYTE,
  outboxBytesMax: 16 * MEBIBYTE,
  stderrTailBytesMax: 8192,
  endOfInputGraceMillis: 1000,
  terminateGraceMillis: 2000,
  retireGraceMillis: 10_000,
  deathsMax: 5,
  deathsWindowMillis: 60_000,
  pauseMillisMin: 5000,
  pauseMillisMax: 300_000,
};
