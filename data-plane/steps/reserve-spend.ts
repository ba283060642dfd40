/** Step 13: holds rates, lease, budgets and quotas in one atomic call; after it nothing refuses any more. */
import assert from 'node:assert/strict';
import { NO_PRICE, type Price } from '../../shared/pricing.ts';
import { LEAST_OUTPUT_BYTES } from '../../shared/limit.ts';
import type { Refusal } from '../../shared/refusal.ts';
import { HOUSEKEEPING, PROBES } from '../../shared/uncounted-methods.ts';
import { CountersRebuilding, CountersUnavailable, type Admission, type Counters } from '../counters/counters.ts';
import type { AllowedCall, RateTicket, SpendHold } from '../evidence.ts';
import type { Exchange } from '../exchange.ts';
import type { Gateway } from '../gateway.ts';
import { listens } from '../mcp/revision-claims.ts';
import { countMessages, type RpcMessage } from '../mcp/rpc-call.ts';
import { aheadTermsOf } from '../policies/ahead-terms.ts';
import { AnswerAllowance, FIRST_OUTPUT_BYTES } from '../policies/answer-allowance.ts';
import { countersAway, countersRebuilding, observedRefusals, refusalOf } from '../policies/limit-refusals.ts';
import { NO_HOLDS, type PlannedHolds, type PlannedLimit } from '../policies/planned-holds.ts';
import type { PlannedLoop } from '../policies/planned-loops.ts';
import { PlannedSpend } from '../policies/planned-spend.ts';
import type { Trail } from '../trail.ts';
import { eventEnding, eventHead } from '../usage/usage-event-json.ts';

const NO_CHECKS: readonly never[] = [];

/** What is asked of the counters, and what a refusal of theirs is told from. */
interface Booking {
  readonly ticket: RateTicket;
  /** What it holds is still to be found out. */
  readonly admission: Omit<Admission, 'heldAmounts' | 'intent'>;
  readonly spend: PlannedSpend;
  readonly limits: readonly PlannedLimit[];
  readonly loops: readonly PlannedLoop[] | undefined;
  readonly nowMillis: number;
  readonly trail: Trail;
  /** The beginning of the request's usage event. */
  readonly head: string;
  /** What was asked last: should the store fall silent over it, nobody knows whether it took it. */
  asked: Admission | undefined;
}

/** What the counters admitted, and for how long an answer it holds. */
interface Admitted {
  readonly admission: Admission;
  readonly outputBytes: number;
}

export async function reserveSpend(gateway: Gateway, exchange: Exchange, ticket: RateTicket, allowed: AllowedCall, trail: Trail): Promise<SpendHold> {
  // By the time that stands in the record, so that a window and its records agree to the nano.
  const nowMillis = exchange.timeMillis;
  const { plan, key } = ticket.access;
  const { inputBytes } = trail;
  const isCounted = counts(allowed);
  const price = isCounted ? priceOf(allowed) : NO_PRICE;
  const { limits, checks, allotmentCalls } = isCounted ? holdsAt(ticket, allowed, nowMillis) : NO_HOLDS;
  const head = eventHead(gateway.nodeName, exchange, trail, price);
  const loops = plan.loops?.checksFor(allowed.rpc);
  const admission = {
    organisationId: key.organisationId,
    requestId: exchange.requestId,
    rates: isProbe(allowed) ? NO_CHECKS : plan.rates,
    leases: listens(allowed.rpc.call) ? NO_CHECKS : plan.leases,
    loops,
    holds: checks,
    ahead: mayShareRoom(allowed) ? aheadTermsOf({ nodeName: gateway.nodeName, exchange, trail, price, limits, calls: allotmentCalls }) : undefined,
  };
  const spend = new PlannedSpend({ rpc: allowed.rpc, price, inputBytes, limits, eventHead: head, noted: trail });
  ticket.isCharged = true;
  const booking = { ticket, admission, spend, limits, loops, nowMillis, trail, head, asked: undefined };
  let store = gateway.counters;
  let admitted: Admitted;
  try {
    admitted = await admit(store, booking);
  } catch (error) {
    if (!(error instanceof CountersUnavailable)) throw error;
    store = gateway.localCounters;
    admitted = await admitWithoutMoney(gateway, booking, error);
  }
  const bytesMax = listens(allowed.rpc.call) ? Infinity : ticket.responseBytesMax;
  const allowance = spend.isMetered ? new AnswerAllowance({ spend, store, ...admitted, plan, limits, nowMillis, bytesMax }) : undefined;
  const hold: SpendHold = { ticket, price, limits, admission: admitted.admission, store, allowance, eventHead: head, inputBytes, keptAt: -1 };
  hold.keptAt = gateway.leases.keep(hold, exchange.startedAt);
  return hold;
}

/** A batch may begin with a probe and go on with anything. */
function isProbe({ rpc: { call } }: AllowedCall): boolean {
  return call !== undefined && !call.isBatch && PROBES.has(call.messages[0].method ?? '');
}

/** A batch holds what others do not, and what only listens has no end. */
function mayShareRoom({ rpc: { call } }: AllowedCall): boolean {
  return call !== undefined && !call.isBatch && !listens(call);
}

/** Holds what is wished for the answer, or as much as there is left to hold. */
async function admit(store: Counters, booking: Booking): Promise<Admitted> {
  const { spend, limits, loops, ticket, trail, nowMillis } = booking;
  const wished = spend.growsWithOutput ? Math.min(FIRST_OUTPUT_BYTES, ticket.responseBytesMax) : 0;
  const least = spend.isMetered ? Math.min(LEAST_OUTPUT_BYTES, wished) : wished;
  const ask = (bytes: number) => {
    const admission = { ...booking.admission, ...spend.heldFor(bytes) };
    booking.asked = admission;
    return store.admit(admission);
  };
  const first = await ask(wished);
  const { answer, outputBytes } =
    first.kind === 'admitted' ? { answer: first, outputBytes: wished } : await spend.hold({ wished, least, held: [] }, ask, first);
  const rules = { plan: ticket.access.plan, limits, loops };
  if (answer.kind === 'refused') throw refusalOf(answer, rules, nowMillis);
  for (const observed of observedRefusals(answer, rules, nowMillis)) trail.observe(observed);
  assert(booking.asked !== undefined, 'nothing was asked');
  return { admission: booking.asked, outputBytes };
}

/** The shared counters are away. Money fails closed; rates and leases go on by this node's own count (`reliability.md`, fail table). */
function admitWithoutMoney(gateway: Gateway, booking: Booking, error: CountersUnavailable): Promise<Admitted> {
  const isEnforced = booking.limits.some(({ limit }) => limit.mode === 'ENFORCE');
  if (isEnforced) throw error instanceof CountersRebuilding ? countersRebuilding(error) : voided(gateway, booking, countersAway(error));
  return admit(gateway.localCounters, { ...booking, admission: { ...booking.admission, holds: [] } });
}

/** Nobody knows whether the store took the admission before it fell silent: if it did, this gives everything back. */
function voided(gateway: Gateway, { asked, head, trail }: Booking, refusal: Refusal): Refusal {
  if (asked !== undefined) gateway.counters.settle({ admission: asked, amounts: asked.holds.map(() => 0), event: head + eventEnding(refusal, trail, 0, 0n) });
  return refusal;
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
  const tools = allowed.rpc.call?.messages.flatMap(({ tool }) => tool ?? []) ?? [];
  return ticket.access.plan.holds.at(nowMillis, tools);
}

function counts({ rpc: { call } }: AllowedCall): boolean {
  return call !== undefined && countMessages(call, isUse) > 0;
}

function isUse({ kind, method }: RpcMessage): boolean {
  return kind === 'request' && !HOUSEKEEPING.has(method ?? '');
}
