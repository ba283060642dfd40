/** What a server may take of time, bytes and processes: its own limits where they are set, the defaults of its transport where not. */
import { z } from 'zod';
import type { McpServer, Transport } from './mcp-server.ts';

const DAY_MILLIS = 86_400_000;
const MEBIBYTE = 1024 * 1024;
const GIBIBYTE = 1024 * MEBIBYTE;
/** Child processes of all STDIO servers that one data plane runs at once. */
export const NODE_PROCESSES_MAX = 20;
const IN_FLIGHT_MAX = 10_000;

const within = (min: number, max: number, unit: string) => {
  const range = `must be from ${min} to ${max} ${unit}`;
  return z.int(range).min(min, range).max(max, range).optional();
};
const duration = within(1, DAY_MILLIS, 'milliseconds');
const size = within(1, GIBIBYTE, 'bytes');

/** What is not there has the default. */
export const serverLimitsSchema = z.strictObject({
  /** Until a connection stands. */
  connectTimeoutMillis: duration,
  /** From a message to the first byte of its answer: a tool may work for minutes before it says anything. Over SSE, until messages are taken. */
  headersTimeoutMillis: duration,
  /** From one byte of an answer to the next. */
  idleTimeoutMillis: duration,
  /** From a message to the end of its answer, however busy the server keeps the line. */
  totalTimeoutMillis: duration,
  responseBytesMax: size,
  /** One event of an event stream. */
  eventBytesMax: size,
  /** Child processes: those that callers share, or with one for each session, all of them. */
  processesMax: within(1, NODE_PROCESSES_MAX, 'processes'),
  /** Shared child processes that run before anybody calls, and are kept. */
  warmProcesses: within(0, NODE_PROCESSES_MAX, 'processes'),
  /** How long a child is kept without a call, and without a stream that its client listens to. */
  processIdleMillis: duration,
  /** Calls that one child works on at once. */
  inFlightMax: within(1, IN_FLIGHT_MAX, 'calls'),
});
export type ServerLimits = z.infer<typeof serverLimitsSchema>;
export type LimitName = keyof ServerLimits;
/** A number for every limit, whether the transport has it or not. */
export type EffectiveLimits = Readonly<Record<LimitName, number>>;

const DEFAULTS: EffectiveLimits = {
  connectTimeoutMillis: 10_000,
  headersTimeoutMillis: 300_000,
  idleTimeoutMillis: 300_000,
  totalTimeoutMillis: 3_600_000,
  responseBytesMax: 64 * MEBIBYTE,
  eventBytesMax: 16 * MEBIBYTE,
  processesMax: 1,
  warmProcesses: 0,
  processIdleMillis: 300_000,
  inFlightMax: 256,
};
/** Where a transport differs. */
const DEFAULTS_OF: Readonly<Record<Transport, Partial<EffectiveLimits>>> = {
  STREAMABLE_HTTP: {},
  SSE: { headersTimeoutMillis: 20_000, totalTimeoutMillis: 300_000 },
  STDIO: { totalTimeoutMillis: 300_000 },
};
const SESSION_PROCESSES_MAX = 16;

const LIMITS_OF: Readonly<Record<Transport, readonly LimitName[]>> = {
  STREAMABLE_HTTP: ['connectTimeoutMillis', 'headersTimeoutMillis', 'idleTimeoutMillis', 'totalTimeoutMillis', 'responseBytesMax', 'eventBytesMax'],
  SSE: ['connectTimeoutMillis', 'headersTimeoutMillis', 'totalTimeoutMillis', 'responseBytesMax', 'eventBytesMax'],
  STDIO: ['totalTimeoutMillis', 'responseBytesMax', 'processesMax', 'warmProcesses', 'processIdleMillis', 'inFlightMax'],
};

/** Whether servers of a transport have the limit at all. */
export function hasLimit(transport: Transport, limit: LimitName): boolean {
  return LIMITS_OF[transport].includes(limit);
}

export function effectiveLimits({ transport, stdioIsolation, limits }: Pick<McpServer, 'transport' | 'stdioIsolation' | 'limits'>): EffectiveLimits {
  const effective: Record<LimitName, number> = { ...DEFAULTS, ...DEFAULTS_OF[transport] };
  if (stdioIsolation === 'PER_SESSION') effective.processesMax = SESSION_PROCESSES_MAX;
  for (const name of LIMITS_OF[transport]) effective[name] = limits[name] ?? effective[name];
  return effective;
}
