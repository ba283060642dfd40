/** Step 13: holds rates, lease, budgets and quotas in one atomic call; after it nothing refuses any more. */
import { NO_PRICE, type Price } from '../../shared/pricing.ts';
import type { Refusal } from '../../shared/refusal.ts';
import { CountersUnavailable, type Admission, type AdmissionAnswer, type Counters } from '../counters/counters.ts';
import type { AllowedCall, RateTicket, SpendHold } from '../evidence.ts';
import type { Exchange } from '../exchange.ts';
import type { Gateway } from '../gateway.ts';
import { listens } from '../mcp/revision-claims.ts';
import { countersAway, refusalOf } from '../policies/limit-refusals.ts';
import { NO_HOLDS, type PlannedHolds, type PlannedLimit } from '../policies/planned-holds.ts';
import { estimateOf } from '../policies/spend-estimate.ts';
import type { Trail } from '../trail.ts';
import { eventEnding, eventHead, unknownEnding } from '../usage/usage-event-json.ts';

/** How a client finds out what it talks to: never refused for its rate, or clients fall back to older handshakes (`protocol.md` section 1). */
const PROBES: ReadonlySet<string> = new Set(['server/discover']);

const NO_CHECKS: readonly never[] = [];

/** What is asked of the counters, and what a refusal of theirs is told from. */
interface Booking {
  readonly ticket: RateTicket;
  readonly admission: Admission;
  readonly limits: readonly PlannedLimit[];
  readonly nowMillis: number;
  readonly trail: Trail;
  /** The beginning of the request's usage event. */
  readonly head: string;
}

export async function reserveSpend(gateway: Gateway, exchange: Exchange, ticket: RateTicket, allowed: AllowedCall, trail: Trail): Promise<SpendHold> {
  // By the time that stands in the record, so that a window and its records agree to the nano.
  const nowMillis = exchange.timeMillis;
  const { plan, key } = ticket.access;
  const price = isCounted(allowed) ? priceOf(allowed) : NO_PRICE;
  const { limits, checks } = holdsAt(ticket, allowed, nowMillis);
  const estimate = estimateOf(allowed.rpc, price, trail.inputBytes);
  const head = eventHead(gateway.nodeName, exchange, trail, price);
  const admission = {
    organisationId: key.organisationId,
    requestId: exchange.requestId,
    rates: isProbe(allowed) ? NO_CHECKS : plan.rates.checks,
    leases: listens(allowed.rpc.call) ? NO_CHECKS : plan.leases.checks,
    holds: checks,
    heldAmounts: limits.map(({ limit }) => estimate[limit.metric]),
    intent: head + unknownEnding(estimate.costNanosUsd),
  };
  ticket.isCharged = true;
  const booking = { ticket, admission, limits, nowMillis, trail, head };
  let store = gateway.counters;
  try {
    requireAdmitted(await store.admit(admission), booking);
  } catch (error) {
    if (!(error instanceof CountersUnavailable)) throw error;
    store = await admitWithoutMoney(gateway, booking, error);
  }
  const hold: SpendHold = { ticket, price, limits, admission, store, eventHead: head, inputBytes: trail.inputBytes, keptAt: -1 };
  hold.keptAt = gateway.leases.keep(hold, exchange.startedAt);
  return hold;
}

/** A batch may begin with a probe and go on with anything. */
function isProbe({ rpc: { call } }: AllowedCall): boolean {
  return call !== undefined && !call.isBatch && PROBES.has(call.messages[0].method ?? '');
}

/** The shared counters are away. Money fails closed; rates and leases go on by this node's own count (`reliability.md`, fail table). */
async function admitWithoutMoney(gateway: Gateway, booking: Booking, error: CountersUnavailable): Promise<Counters> {
  if (booking.limits.some(({ limit }) => limit.mode === 'ENFORCE')) throw voided(gateway, booking, countersAway(error));
  const admission = { ...booking.admission, holds: [], heldAmounts: [] };
  requireAdmitted(await gateway.localCounters.admit(admission), { ...booking, limits: [], admission });
  return gateway.localCounters;
}

/** Nobody knows whether the store took the admission before it fell silent: if it did, this gives everything back. */
function voided(gateway: Gateway, booking: Booking, refusal: Refusal): Refusal {
  const { admission, head } = booking;
  gateway.counters.settle({ admission, amounts: admission.holds.map(() => 0), event: head + eventEnding(refusal, 0, 0n) });
  return refusal;
}

function requireAdmitted(answer: AdmissionAnswer, { limits, ticket, trail, nowMillis }: Booking): void {
  if (answer.kind === 'refused') throw refusalOf(answer, ticket.access.plan, limits, nowMillis);
  for (const index of answer.observedHolds) {
    trail.observed.push(limits[index]?.limit.metric === 'NANO_USD' ? 'budget_exceeded/budget_exhausted' : 'quota_exceeded/quota_exhausted');
  }
}

/** A batch costs the call price of each of its members; its bytes are those of the one body. */
function priceOf(allowed: AllowedCall): Price {
  const { server } = allowed.access;
  const { call } = allowed.rpc;
  if (call === undefined) return NO_PRICE;
  const [first] = call.messages;
  if (!call.isBatch) return server.priceOf(first.method, first.tool);
  const prices = call.messages.map((message) => server.priceOf(message.method, message.tool));
  const dearest = prices.reduce((left, right) =>
    right.inputByteFemtosUsd + right.outputByteFemtosUsd > left.inputByteFemtosUsd + left.outputByteFemtosUsd ? right : left,
  );
  return { ...dearest, callFemtosUsd: prices.reduce((sum, { callFemtosUsd }) => sum + callFemtosUsd, 0n) };
}

/** A batch counts as a whole for each tool that it calls. */
function holdsAt(ticket: RateTicket, allowed: AllowedCall, nowMillis: number): PlannedHolds {
  if (!isCounted(allowed)) return NO_HOLDS;
  const tools = allowed.rpc.call?.messages.flatMap(({ tool }) => tool ?? []) ?? [];
  return ticket.access.plan.holds.at(nowMillis, tools);
}

const HOUSEKEEPING: ReadonlySet<string> = new Set(['initialize', 'ping', 'server/discover']);

/** The handshake and other housekeeping of the protocol cost nothing and use up nothing. */
function isCounted(allowed: AllowedCall): boolean {
  return (allowed.rpc.call?.messages ?? []).some(({ kind, method }) => kind === 'request' && !HOUSEKEEPING.has(method ?? ''));
}
