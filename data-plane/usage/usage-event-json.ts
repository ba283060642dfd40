/** Writes the usage event as JSON in two halves: what is known before the upstream is called, and how the request ended. */
import { orderOfStep } from '../../shared/access-steps.ts';
import { costOf, type Price } from '../../shared/pricing.ts';
import { Refusal } from '../../shared/refusal.ts';
import type { RefusalCode } from '../../shared/refusals.ts';
import { USAGE_EVENT_FORMAT } from '../../shared/usage-event.ts';
import { clientIn } from '../mcp/client-info.ts';
import type { Outcome, SpendHold } from '../evidence.ts';
import type { Exchange } from '../exchange.ts';
import type { Trail } from '../trail.ts';
import { identityValues } from './identity-values.ts';

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

/**
 * Built by hand rather than from an object: every request pays for it, twice. What rules observe is known only at the end, and stands there. The order is `USAGE_EVENT_FIELDS`, and of a price `PRICING_FIELDS`.
 */
export function eventHead(nodeName: string, exchange: Exchange, trail: Trail, price: Price, inputBytes = trail.inputBytes): string {
  const message = trail.rpc?.message;
  const session = trail.rpc?.session;
  const client = trail.rpc === undefined ? undefined : clientIn(trail.rpc);
  return (
    `[${USAGE_EVENT_FORMAT},"${exchange.requestId}",${exchange.timeMillis},${text(nodeName)},` +
    `${trail.plan?.identityJson ?? identityJson(exchange, trail)},${text(exchange.method)},${text(message?.method)},` +
    `${text(trail.tool)},${inputBytes},${pricingJson(trail, price)},${session === undefined ? 'null' : JSON.stringify(session.label)},` +
    `${text(exchange.header('mcp-protocol-version'))},${text(client === undefined ? session?.clientName : client.name)},` +
    `${text(client === undefined ? session?.clientVersion : client.version)},` +
    `${text(exchange.clientIp)},${trail.traceId === undefined ? 'null' : JSON.stringify(trail.traceId)}`
  );
}

const LOST_AT = orderOfStep('proxyUpstream');
const LOST = wordsJson({
  status: 502,
  decision: 'ERRORED',
  refusal: new Refusal('upstream_error', 'connection_lost', 'the gateway node was lost during the call'),
});

/** What is known of a request at its end beside its ending: what rules have noted, and who called. */
export type Noted = Pick<Trail, 'observed' | 'dlp' | 'client' | 'key'>;

/** The ending of an admitted call whose node died: it stands in the intent, and becomes the record if nobody settles. */
export function unknownEnding(costNanosUsd: bigint, outputBytes: number, noted: Noted): string {
  const figures = figuresJson({ isToolError: false, latencyMicros: 0, upstreamLatencyMicros: null, outputBytes, costNanosUsd });
  return observedJson(noted) + LOST + figures + tailJson(noted, LOST_AT);
}

/** The agent and its client; nothing where no agent calls. */
function agentJsonOf({ client, key }: Noted): string {
  const agentId = client?.agentId ?? key?.agentId ?? null;
  return agentId === null ? '' : `,${JSON.stringify(agentId)},${JSON.stringify(client?.clientId ?? null)}`;
}

/** The outcome under the rules of content; behind it what most events have nothing of, and end without: the agent, the last step, what was found. */
function tailJson(noted: Noted, step: number | null): string {
  const { outcome, findingsJson } = noted.dlp;
  const agentJson = agentJsonOf(noted);
  if (agentJson === '' && step === null && findingsJson === undefined) return `,"${outcome}"]`;
  return `,"${outcome}"${agentJson === '' ? ',null,null' : agentJson},${step}${findingsJson === undefined ? '' : `,${findingsJson}`}]`;
}

/** What a request cost: nothing when it was refused or never reached its upstream. */
export function costOfEnding(hold: SpendHold | undefined, ending: Outcome | Refusal): bigint {
  if (hold === undefined || ending instanceof Refusal) return 0n;
  if (ending.failure !== undefined && NEVER_REACHED.has(ending.failure.reason)) return 0n;
  return costOf(hold.price, hold.inputBytes, ending.outputBytes);
}

export function eventEnding(ending: Outcome | Refusal, trail: Trail, latencyMillis: number, costNanosUsd: bigint): string {
  const refusal = ending instanceof Refusal ? ending : ending.failure;
  const outcome = ending instanceof Refusal ? undefined : ending;
  const decision = refusal === undefined ? 'ALLOWED' : isDenial(refusal) ? 'DENIED' : 'ERRORED';
  const figures: EndingFigures = {
    isToolError: outcome?.isToolError ?? false,
    latencyMicros: Math.round(latencyMillis * 1000),
    upstreamLatencyMicros: outcome?.upstreamMillis === undefined ? null : Math.round(outcome.upstreamMillis * 1000),
    outputBytes: outcome?.outputBytes ?? 0,
    costNanosUsd,
  };
  const words = wordsJson({ status: refusal?.status ?? outcome?.status ?? 0, decision, refusal });
  return observedJson(trail) + words + figuresJson(figures) + tailJson(trail, refusal === undefined ? null : orderOfStep(trail.step));
}

const FAILURES_OF_SERVERS: ReadonlySet<RefusalCode> = new Set(['upstream_error', 'upstream_auth_error', 'upstream_timeout', 'missing_endpoint', 'stdio_error']);

/** Whether the server, or the way to it, failed. */
export function isFailureOfServer(code: RefusalCode): boolean {
  return FAILURES_OF_SERVERS.has(code);
}

/** A denial is Turnpike's own word; a failure is what befell a request that it let through. */
function isDenial(refusal: Refusal): boolean {
  return !isFailureOfServer(refusal.code) && refusal.code !== 'internal' && refusal.code !== 'client_closed_request';
}

interface EndingWords {
  readonly status: number;
  readonly decision: 'ALLOWED' | 'DENIED' | 'ERRORED';
  readonly refusal: Pick<Refusal, 'code' | 'reason' | 'message' | 'facts'> | undefined;
}

function wordsJson({ status, decision, refusal }: EndingWords): string {
  if (refusal === undefined) return `,${status},"${decision}",null,null,null,null,null`;
  const { code, reason, message, facts } = refusal;
  return `,${status},"${decision}","${code}","${reason}",${JSON.stringify(message)},${JSON.stringify(facts.rule ?? null)},${facts.retryAfterSeconds ?? null}`;
}

interface EndingFigures {
  readonly isToolError: boolean;
  readonly latencyMicros: number;
  readonly upstreamLatencyMicros: number | null;
  readonly outputBytes: number;
  readonly costNanosUsd: bigint;
}

function figuresJson({ isToolError, latencyMicros, upstreamLatencyMicros, outputBytes, costNanosUsd }: EndingFigures): string {
  return `,${isToolError},${latencyMicros},${upstreamLatencyMicros},${outputBytes},"${costNanosUsd}"`;
}

/** Answers are judged too, so only at the end all is noted. */
function observedJson({ observed }: Noted): string {
  return observed.length === 0 ? ',[]' : `,${JSON.stringify(observed)}`;
}

/** Whoever was refused before key and server were known is recorded with what is. */
function identityJson(exchange: Exchange, trail: Trail): string {
  const { key, server } = trail;
  return identityValues({
    organisationId: key?.organisationId ?? null,
    teamId: key?.teamId ?? null,
    userId: key?.userId ?? null,
    userDomain: key?.userDomain ?? null,
    apiKeyId: key?.id ?? null,
    apiKeyPrefix: key?.prefix ?? trail.keyPrefix ?? null,
    serverId: server?.config.id ?? null,
    serverSlug: server?.config.slug ?? exchange.identifier.slice(0, SLUG_LENGTH_MAX),
    transport: server?.config.transport ?? null,
  });
}

const pricings = new WeakMap<Price, string>();

/** Prices are the same objects from call to call. */
function pricingJson(trail: Trail, price: Price): string {
  if (trail.plan === undefined) return 'null';
  let json = pricings.get(price);
  if (json === undefined) {
    const { callFemtosUsd, inputByteFemtosUsd, outputByteFemtosUsd, isOverride } = price;
    json = `["${callFemtosUsd}","${inputByteFemtosUsd}","${outputByteFemtosUsd}",${isOverride}]`;
    pricings.set(price, json);
  }
  return json;
}

const TEXTS_MAX = 1000;
const texts = new Map<string, string>();

/** Text, also of the caller's choosing, cut to what a record holds. Methods, tools, clients and addresses come again and again. */
function text(value: string | null | undefined): string {
  if (value === undefined || value === null) return 'null';
  let json = texts.get(value);
  if (json !== undefined) return json;
  json = JSON.stringify(value.slice(0, TEXT_LENGTH_MAX));
  if (value.length > TEXT_LENGTH_MAX) return json;
  if (texts.size >= TEXTS_MAX) texts.clear();
  texts.set(value, json);
  return json;
}
