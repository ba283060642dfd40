/** Writes the usage event as JSON in two halves: what is known before the upstream is called, and how the request ended. */
import { costOf, type Price } from '../../shared/pricing.ts';
import { Refusal } from '../../shared/refusal.ts';
import type { RefusalCode } from '../../shared/refusals.ts';
import { readClientInfo } from '../mcp/client-info.ts';
import type { Outcome, SpendHold } from '../evidence.ts';
import type { Exchange } from '../exchange.ts';
import type { Trail } from '../trail.ts';

const TEXT_LENGTH_MAX = 256;
const SLUG_LENGTH_MAX = 64;

/** Reasons with which an upstream was never reached, so that the call costs nothing (`domain.md`, Money). */
const NEVER_REACHED: ReadonlySet<string> = new Set([
  'unreachable',
  'connect_timeout',
  'address_refused',
  'circuit_open',
  'missing_endpoint',
  'credentials_unavailable',
  'stdio_not_allowed',
  'stdio_unavailable',
  'stdio_overloaded',
]);

/** Built by hand rather than from an object: every request pays for it, twice. The schema is `shared/usage-event.ts`. */
export function eventHead(nodeName: string, exchange: Exchange, trail: Trail, price: Price): string {
  const message = trail.rpc?.message;
  const session = trail.rpc?.session;
  const client =
    message?.method === 'initialize' ? readClientInfo(message.value) : { name: session?.clientName ?? null, version: session?.clientVersion ?? null };
  return (
    `{"requestId":"${exchange.requestId}","timeMillis":${exchange.timeMillis},"dataPlane":${JSON.stringify(nodeName)},` +
    `${trail.plan?.identityJson ?? identityJson(exchange, trail)},"httpMethod":${text(exchange.method)},"rpcMethod":${text(message?.method)},` +
    `"tool":${text(trail.tool)},"inputBytes":${trail.inputBytes},"pricing":${pricingJson(trail, price)},"sessionId":${text(session?.label)},` +
    `"protocolVersion":${text(exchange.header('mcp-protocol-version'))},"clientName":${text(client.name)},"clientVersion":${text(client.version)},` +
    `"clientIp":${text(exchange.clientIp)},"traceId":${text(trail.traceId)},"observed":${JSON.stringify(trail.observed)}`
  );
}

/** The ending of an admitted call whose node died: it stands in the intent, and becomes the record if nobody settles. */
export function unknownEnding(costNanosUsd: bigint): string {
  return endingJson(
    { status: 502, decision: 'ERRORED', code: 'upstream_error', reason: 'connection_lost', message: 'the gateway node was lost during the call' },
    { costNanosUsd },
  );
}

/** What a request cost: nothing when it was refused or never reached its upstream. */
export function costOfEnding(hold: SpendHold | undefined, ending: Outcome | Refusal): bigint {
  if (hold === undefined || ending instanceof Refusal) return 0n;
  if (ending.failure !== undefined && NEVER_REACHED.has(ending.failure.reason)) return 0n;
  return costOf(hold.price, hold.inputBytes, ending.outputBytes);
}

export function eventEnding(ending: Outcome | Refusal, latencyMillis: number, costNanosUsd: bigint): string {
  const refusal = ending instanceof Refusal ? ending : ending.failure;
  const outcome = ending instanceof Refusal ? undefined : ending;
  const decision = refusal === undefined ? 'ALLOWED' : isDenial(refusal) ? 'DENIED' : 'ERRORED';
  return endingJson(
    {
      status: refusal?.status ?? outcome?.status ?? 0,
      decision,
      code: refusal?.code ?? null,
      reason: refusal?.reason ?? null,
      message: refusal?.message ?? null,
      rule: refusal?.facts.rule ?? null,
      retryAfterSeconds: refusal?.facts.retryAfterSeconds ?? null,
    },
    {
      costNanosUsd,
      isToolError: outcome?.isToolError ?? false,
      latencyMicros: Math.round(latencyMillis * 1000),
      upstreamLatencyMicros: outcome?.upstreamMillis === undefined ? null : Math.round(outcome.upstreamMillis * 1000),
      outputBytes: outcome?.outputBytes ?? 0,
      dlpOutcome: refusal?.reason === 'semantic_filter' ? 'BLOCKED' : 'NONE',
    },
  );
}

const FAILURES: ReadonlySet<RefusalCode> = new Set([
  'internal',
  'client_closed_request',
  'upstream_error',
  'upstream_auth_error',
  'upstream_timeout',
  'missing_endpoint',
  'stdio_error',
]);

/** A denial is Turnpike's own word; a failure is what befell a request that it let through. */
function isDenial(refusal: Refusal): boolean {
  return !FAILURES.has(refusal.code);
}

interface EndingWords {
  readonly status: number;
  readonly decision: 'ALLOWED' | 'DENIED' | 'ERRORED';
  readonly code: string | null;
  readonly reason: string | null;
  readonly message: string | null;
  readonly rule?: Refusal['facts']['rule'] | null;
  readonly retryAfterSeconds?: number | null;
}

interface EndingFigures {
  readonly costNanosUsd: bigint;
  readonly isToolError?: boolean;
  readonly latencyMicros?: number;
  readonly upstreamLatencyMicros?: number | null;
  readonly outputBytes?: number;
  readonly dlpOutcome?: 'NONE' | 'BLOCKED';
}

function endingJson(words: EndingWords, figures: EndingFigures): string {
  const denial =
    words.code === null
      ? '"code":null,"reason":null,"message":null,"rule":null,"retryAfterSeconds":null'
      : `"code":"${words.code}","reason":"${words.reason}","message":${JSON.stringify(words.message)},"rule":${JSON.stringify(words.rule ?? null)},"retryAfterSeconds":${words.retryAfterSeconds ?? null}`;
  return (
    `,"status":${words.status},"decision":"${words.decision}",${denial},"isToolError":${figures.isToolError ?? false},` +
    `"latencyMicros":${figures.latencyMicros ?? 0},"upstreamLatencyMicros":${figures.upstreamLatencyMicros ?? null},` +
    `"outputBytes":${figures.outputBytes ?? 0},"costNanosUsd":"${figures.costNanosUsd}","dlpOutcome":"${figures.dlpOutcome ?? 'NONE'}"}`
  );
}

/** Whoever was refused before key and server were known is recorded with what is. */
function identityJson(exchange: Exchange, trail: Trail): string {
  const { key, server } = trail;
  const identity = {
    organisationId: key?.organisationId ?? null,
    teamId: key?.teamId ?? null,
    userId: key?.userId ?? null,
    userDomain: key?.userDomain ?? null,
    apiKeyId: key?.id ?? null,
    apiKeyPrefix: key?.prefix ?? trail.keyPrefix ?? null,
    serverId: server?.config.id ?? null,
    serverSlug: server?.config.slug ?? exchange.identifier.slice(0, SLUG_LENGTH_MAX),
    transport: server?.config.transport ?? null,
  };
  return JSON.stringify(identity).slice(1, -1);
}

function pricingJson(trail: Trail, price: Price): string {
  if (trail.plan === undefined) return 'null';
  return `{"callFemtosUsd":"${price.callFemtosUsd}","inputByteFemtosUsd":"${price.inputByteFemtosUsd}","outputByteFemtosUsd":"${price.outputByteFemtosUsd}","isOverride":${price.isOverride}}`;
}

/** Text of the caller's choosing, cut to what a record holds. */
function text(value: string | null | undefined): string {
  return value === undefined || value === null ? 'null' : JSON.stringify(value.length > TEXT_LENGTH_MAX ? value.slice(0, TEXT_LENGTH_MAX) : value);
}
