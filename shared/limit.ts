/** Budgets and quotas: a ceiling of an owner over a schedule of calendar windows. */
import { z } from 'zod';
import { isTimezone } from './timezone.ts';

export const LIMIT_METRICS = ['NANO_USD', 'REQUESTS', 'TOOL_CALLS', 'ERRORS', 'INPUT_BYTES', 'OUTPUT_BYTES', 'LATENCY_MS'] as const;
export type LimitMetric = (typeof LIMIT_METRICS)[number];

/** Lua compares numbers as doubles, exact to 2^53 - 1: a higher ceiling is refused when it is saved. */
export const LIMIT_AMOUNT_MAX = 9_007_199_254_740_991n;
/** What is left of one window may come on top of the next, and both together must be exact. */
export const ROLLOVER_AMOUNT_MAX = LIMIT_AMOUNT_MAX / 2n;
/** A call for whose answer not even this much is left is refused: an error or a short result fits. */
export const LEAST_OUTPUT_BYTES = 1024;
/** Calls that a data plane may take room for at once. */
export const ALLOTMENT_CALLS_MIN = 2;
export const ALLOTMENT_CALLS_MAX = 1000;

export const LIMIT_OWNER_TYPES = ['ORGANISATION', 'TEAM', 'USER', 'API_KEY', 'MCP_SERVER'] as const;
export type LimitOwnerType = (typeof LIMIT_OWNER_TYPES)[number];
export const LIMIT_PERIODS = ['DAILY', 'WEEKLY', 'MONTHLY', 'QUARTERLY'] as const;
export type LimitPeriod = (typeof LIMIT_PERIODS)[number];

export const limitSchema = z.strictObject({
  id: z.string(),
  organisationId: z.string(),
  name: z.string(),
  ownerType: z.enum(LIMIT_OWNER_TYPES),
  ownerId: z.string(),
  /** Narrows to one server, and further to one tool of it. */
  mcpServerId: z.string().nullable(),
  tool: z.string().nullable(),
  /** `NANO_USD` makes it a budget, every other metric a quota. */
  metric: z.enum(LIMIT_METRICS),
  amount: z.string().regex(/^\d{1,16}$/),
  period: z.enum(LIMIT_PERIODS),
  timezone: z.string().refine(isTimezone, 'not a timezone of the IANA database'),
  startAtMillis: z.number(),
  endAtMillis: z.number().nullable(),
  /** Since when its windows are counted as they are: a limit that is made or rescheduled begins with empty counters, whenever its schedule began. */
  countedSinceMillis: z.number().default(0),
  /** What is left of a window may be used in the next one, and in no later one. */
  rollover: z.boolean().default(false),
  mode: z.enum(['ENFORCE', 'OBSERVE']),
  /** A data plane may take room for so many calls at once, and admit them by itself; null when every call asks. */
  allotmentCalls: z.int().min(ALLOTMENT_CALLS_MIN).max(ALLOTMENT_CALLS_MAX).nullable().default(null),
});
export type Limit = z.infer<typeof limitSchema>;
