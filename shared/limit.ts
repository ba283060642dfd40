/** Budgets and quotas: a ceiling of an owner over a schedule of calendar windows. */
import { z } from 'zod';

export const LIMIT_METRICS = ['NANO_USD', 'REQUESTS', 'TOOL_CALLS', 'ERRORS', 'INPUT_BYTES', 'OUTPUT_BYTES', 'LATENCY_MS'] as const;
export type LimitMetric = (typeof LIMIT_METRICS)[number];

/** Lua compares numbers as doubles, exact to 2^53 - 1: a higher ceiling is refused when it is saved. */
export const LIMIT_AMOUNT_MAX = 9_007_199_254_740_991n;

export const limitSchema = z.strictObject({
  id: z.string(),
  organisationId: z.string(),
  name: z.string(),
  ownerType: z.enum(['ORGANISATION', 'TEAM', 'USER', 'API_KEY', 'MCP_SERVER']),
  ownerId: z.string(),
  /** Narrows to one server, and further to one tool of it. */
  mcpServerId: z.string().nullable(),
  tool: z.string().nullable(),
  /** `NANO_USD` makes it a budget, every other metric a quota. */
  metric: z.enum(LIMIT_METRICS),
  amount: z.string().regex(/^\d{1,16}$/),
  period: z.enum(['DAILY', 'WEEKLY', 'MONTHLY', 'QUARTERLY']),
  timezone: z.string(),
  startAtMillis: z.number(),
  endAtMillis: z.number().nullable(),
  mode: z.enum(['ENFORCE', 'OBSERVE']),
});
export type Limit = z.infer<typeof limitSchema>;
