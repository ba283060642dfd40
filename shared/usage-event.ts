/** The usage event: what the data plane knows of one request, from which the control plane makes the record and its MCP sidecar. */
import { z } from 'zod';
import { DLP_OUTCOMES, dlpFindingSchema } from './dlp.ts';
import { TRANSPORTS } from './mcp-server.ts';

const amount = z.string().regex(/^\d+$/);

export const DECISIONS = ['ALLOWED', 'DENIED', 'ERRORED'] as const;
export type Decision = (typeof DECISIONS)[number];

export const usageEventSchema = z.strictObject({
  /** Also the idempotency key: however often an event is delivered, it counts once. */
  requestId: z.string(),
  timeMillis: z.number(),
  dataPlane: z.string(),
  organisationId: z.string().nullable(),
  teamId: z.string().nullable(),
  userId: z.string().nullable(),
  userDomain: z.string().nullable(),
  apiKeyId: z.string().nullable(),
  apiKeyPrefix: z.string().nullable(),
  serverId: z.string().nullable(),
  /** What the caller asked for when no server was found: cut to 64 characters of a slug. */
  serverSlug: z.string().nullable(),
  transport: z.enum(TRANSPORTS).nullable(),
  httpMethod: z.string(),
  rpcMethod: z.string().nullable(),
  tool: z.string().nullable(),
  isToolError: z.boolean(),
  status: z.int(),
  decision: z.enum(DECISIONS),
  /** Of the refusal table, null when allowed; reason, sentence and rule belong to it. */
  code: z.string().nullable(),
  reason: z.string().nullable(),
  message: z.string().nullable(),
  rule: z.strictObject({ kind: z.string(), id: z.string().optional(), path: z.string() }).nullable(),
  /** What rules in OBSERVE mode would have done, as `code/reason`. */
  observed: z.array(z.string()),
  retryAfterSeconds: z.number().nullable(),
  latencyMicros: z.number(),
  upstreamLatencyMicros: z.number().nullable(),
  inputBytes: z.number(),
  outputBytes: z.number(),
  /** The unit prices that priced it, femto-USD per unit; null when nothing was priced. */
  pricing: z.strictObject({ callFemtosUsd: amount, inputByteFemtosUsd: amount, outputByteFemtosUsd: amount, isOverride: z.boolean() }).nullable(),
  costNanosUsd: amount,
  sessionId: z.string().nullable(),
  protocolVersion: z.string().nullable(),
  clientName: z.string().nullable(),
  clientVersion: z.string().nullable(),
  clientIp: z.string().nullable(),
  traceId: z.string().nullable(),
  dlpOutcome: z.enum(DLP_OUTCOMES),
  /** The agent that the key is bound to, or else that the client counts as; and the client of it. */
  agentId: z.string().nullable().default(null),
  agentClientId: z.string().nullable().default(null),
  /** At which step of the access flow it ended, from 1; null for one that went through, and in events that were written before steps were told. */
  step: z.int().nullable().default(null),
  /** Events that were written before there were any do not have it. */
  dlpFindings: z.array(dlpFindingSchema).default([]),
});
export type UsageEvent = z.infer<typeof usageEventSchema>;

/** Who called what: the same for every request of a key at a server, and together in an event. */
export const USAGE_IDENTITY_FIELDS = [
  'organisationId',
  'teamId',
  'userId',
  'userDomain',
  'apiKeyId',
  'apiKeyPrefix',
  'serverId',
  'serverSlug',
  'transport',
] as const satisfies readonly (keyof UsageEvent)[];

/**
 * An event travels as a JSON array of its values in this order, behind the number of the format: names would be more than half of every
 * event. A later version may add fields at the end, so that planes of neighbouring versions understand each other.
 */
export const USAGE_EVENT_FIELDS = [
  'requestId',
  'timeMillis',
  'dataPlane',
  ...USAGE_IDENTITY_FIELDS,
  'httpMethod',
  'rpcMethod',
  'tool',
  'inputBytes',
  'pricing',
  'sessionId',
  'protocolVersion',
  'clientName',
  'clientVersion',
  'clientIp',
  'traceId',
  'observed',
  'status',
  'decision',
  'code',
  'reason',
  'message',
  'rule',
  'retryAfterSeconds',
  'isToolError',
  'latencyMicros',
  'upstreamLatencyMicros',
  'outputBytes',
  'costNanosUsd',
  'dlpOutcome',
  'agentId',
  'agentClientId',
  'step',
  'dlpFindings',
] as const satisfies readonly (keyof UsageEvent)[];

export const USAGE_EVENT_FORMAT = 1;

/** A price travels as its values too. */
export const PRICING_FIELDS = ['callFemtosUsd', 'inputByteFemtosUsd', 'outputByteFemtosUsd', 'isOverride'] as const satisfies readonly (keyof NonNullable<
  UsageEvent['pricing']
>)[];

const valuesSchema = z.tuple([z.literal(USAGE_EVENT_FORMAT)], z.unknown());

/** Reads what `JSON.parse` made of an event that travelled. Throws a ZodError for anything that is none. */
export function readUsageEvent(values: unknown): UsageEvent {
  const [, ...read] = valuesSchema.parse(values);
  const event = named(USAGE_EVENT_FIELDS, read);
  const { pricing } = event;
  if (Array.isArray(pricing) && pricing.length === PRICING_FIELDS.length) event['pricing'] = named(PRICING_FIELDS, pricing);
  return usageEventSchema.parse(event);
}

function named(fields: readonly string[], values: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries(fields.map((field, index) => [field, values[index]]));
}

/** Writes an event as it travels. The data plane writes it by hand, in two halves (`data-plane/usage/usage-event-json.ts`). */
export function writeUsageEvent(event: UsageEvent): string {
  const { pricing } = event;
  const travelling = { ...event, pricing: pricing === null ? null : PRICING_FIELDS.map((field) => pricing[field]) };
  return JSON.stringify([USAGE_EVENT_FORMAT, ...USAGE_EVENT_FIELDS.map((field) => travelling[field])]);
}

/** An event as a stream delivers it; `deliveryId` is what the reader acknowledges. */
export interface UsageDelivery {
  readonly deliveryId: string;
  /** Whose stream it came from, where every organisation has its own. */
  readonly organisationId?: string;
  /** The event's JSON as the data plane wrote it. Parsed by the reader, who sets a bad one aside. */
  readonly json: string;
  /** How the nodes had greeted the Redis that it was read from; it may by now have lost its memory, or be another one. Undefined where nothing can be lost. */
  readonly greeting?: string;
}

/** What waits in a stream: read by nobody yet, or not acknowledged. */
export interface UsageBacklog {
  /** As the stream holds them; one may carry several events. */
  readonly entries: number;
  /** When the oldest entry came; undefined when there is none. */
  readonly oldestMillis: number | undefined;
}

/** Where the control plane reads usage events from. One contract, an implementation per stream. */
export interface UsageSource {
  /** About `max` deliveries; waits up to `waitMillis` for the first, then answers an empty list. Unacknowledged ones are delivered again. */
  read(max: number, waitMillis: number): Promise<readonly UsageDelivery[]>;
  acknowledge(deliveries: readonly UsageDelivery[]): Promise<void>;
  backlog(): Promise<UsageBacklog>;
  close(): Promise<void>;
}
