/** How long an upstream that is reached over HTTP may take. */

export interface HttpLimits {
  /** From the message to the first byte of its answer: a tool may work for minutes before it says anything. */
  readonly headersMillis: number;
  /** From one byte of an answer to the next. A stream that only listens may be silent for ever. */
  readonly silenceMillis: number;
  /** From the message to the end of its answer, however busy the upstream keeps the line. A stream that only listens may last for ever. */
  readonly totalMillis: number;
}

export const HTTP_LIMITS: HttpLimits = { headersMillis: 300_000, silenceMillis: 300_000, totalMillis: 3_600_000 };
