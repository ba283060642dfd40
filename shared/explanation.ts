/** What the control plane asks a data plane to explain, and what it is answered: the documents of `POST /v1/explain`. */
import { z } from 'zod';
import { ACCESS_STEPS } from './access-steps.ts';

/** Where a gateway node explains, for the control plane alone. */
export const EXPLAIN_PATH = '/v1/explain';
/** Where a gateway node takes a call of the playground, for the control plane alone. */
export const CALL_PATH = '/v1/call';

/** A call as it might be, of a key whose secret nobody has to know. */
export const supposedCallSchema = z.strictObject({
  organisationId: z.string(),
  apiKeyId: z.string(),
  /** Its id. */
  server: z.string(),
  /** The JSON-RPC message. */
  message: z.string(),
  /** Null for where the control plane is. */
  clientIp: z.string().nullable(),
  clientName: z.string().nullable(),
  userAgent: z.string().nullable(),
  /** When; null for now. */
  atMillis: z.number().nullable(),
  /** How long the message would be, when that is longer than it is. */
  inputBytes: z.number().nullable(),
});
export type SupposedCall = z.infer<typeof supposedCallSchema>;

/** A call that is made in the name of a key. */
export const standInCallSchema = supposedCallSchema.pick({ organisationId: true, apiKeyId: true, server: true, message: true });

export const ruleSchema = z.strictObject({ kind: z.string(), id: z.string().optional(), path: z.string() });
export type ExplainedRule = z.infer<typeof ruleSchema>;

const STEP_OUTCOMES = ['PASS', 'DENY', 'OBSERVE', 'SKIPPED'] as const;

const stepSchema = z.strictObject({
  name: z.enum(ACCESS_STEPS),
  outcome: z.enum(STEP_OUTCOMES),
  /** Of the refusal, or what rules that only observe would have done. */
  reason: z.string().nullable(),
  detail: z.string().nullable(),
  rule: ruleSchema.nullable(),
  durationMicros: z.number().nullable(),
});
export type ExplainedStep = z.infer<typeof stepSchema>;

/** What a rate, a lease or a window has counted now, before the call. */
const limitSchema = z.strictObject({
  kind: z.enum(['RATE', 'CONCURRENCY', 'BUDGET', 'QUOTA']),
  rule: ruleSchema,
  /** What it counts: calls, or the metric of a quota; `NANO_USD` for a budget. */
  metric: z.string(),
  mode: z.enum(['ENFORCE', 'OBSERVE']),
  limit: z.number(),
  used: z.number(),
  reserved: z.number(),
  carriedOver: z.number(),
  /** What the call would take. */
  asked: z.number(),
  /** Of a rate; null for what counts in calendar windows, and for leases. */
  windowMillis: z.number().nullable(),
  endsAtMillis: z.number().nullable(),
});
export type ExplainedLimit = z.infer<typeof limitSchema>;

export const explanationSchema = z.strictObject({
  node: z.string(),
  configVersion: z.string(),
  atMillis: z.number(),
  refusal: z
    .strictObject({
      status: z.number(),
      code: z.string(),
      reason: z.string(),
      message: z.string(),
      rule: ruleSchema.nullable(),
      retryAfterSeconds: z.number().nullable(),
    })
    .nullable(),
  steps: z.array(stepSchema).length(ACCESS_STEPS.length),
  /** Of the call and its input, before a byte of an answer; null when the flow did not get so far as to know the price. */
  costNanosUsd: z.string().nullable(),
  limits: z.array(limitSchema),
  /** Of `tools/list`: the tools that are known of the server, and which of them would be shown. Null for every other call. */
  tools: z.array(z.strictObject({ name: z.string(), isVisible: z.boolean() })).nullable(),
  /** What would be answered instead of the server's answer; null when that is what would be answered. */
  response: z.strictObject({ status: z.number(), headers: z.array(z.tuple([z.string(), z.string()])), body: z.string() }).nullable(),
});
export type Explanation = z.infer<typeof explanationSchema>;
