/** What each step proves: the next steps ask for it, so that none of them can be dropped or moved. */
import type { AccessGrant } from '../shared/access-grant.ts';
import type { ApiKey } from '../shared/api-key.ts';
import type { Price } from '../shared/pricing.ts';
import type { Refusal } from '../shared/refusal.ts';
import type { GovernedServer } from './config/governed-server.ts';
import type { Admission, Counters } from './counters/counters.ts';
import type { ListRule } from './guardrails/list-rules.ts';
import type { Era } from './mcp/protocol-revisions.ts';
import type { RpcCall, RpcMessage } from './mcp/rpc-call.ts';
import type { Session } from './mcp/session-ids.ts';
import type { EventDoor } from './old-clients/event-door.ts';
import type { AnswerAllowance } from './policies/answer-allowance.ts';
import type { GovernancePlan } from './policies/governance-plan.ts';
import type { PlannedLimit } from './policies/planned-holds.ts';

/** Step 1: a place among the requests that this node works on at once. */
export interface Slot {
  release(): void;
}

/** Step 8: the server is there and switched on. */
export interface EnabledServer {
  readonly server: GovernedServer;
}

/** Step 9: this key may call this server; with everything that governs the pair. */
export interface Access {
  readonly key: ApiKey;
  readonly server: GovernedServer;
  readonly grant: AccessGrant;
  readonly plan: GovernancePlan;
}

/** Step 10: addresses are judged, and the rates and leases to take are known. They are taken together with the money, in step 13. */
export interface RateTicket {
  readonly access: Access;
  /** Whether the counters have been asked: a request that is refused before is charged its rates on its way out. */
  isCharged: boolean;
  readonly requestBytesMax: number;
  readonly responseBytesMax: number;
}

/** Step 11: what the caller wants, read by the parser of record. Without a call for GET and DELETE. */
export interface RpcRequest {
  readonly call: RpcCall | undefined;
  /** The message that names the request in records and prices: the only one, or the first of a batch. */
  readonly message: RpcMessage | undefined;
  readonly era: Era;
  /** The session of ours that the caller presented, which this key opened on this server; the modern era has none. */
  readonly session: Session | undefined;
  /** The door through which an old client posted the message; its answer belongs on the stream there. */
  readonly door?: EventDoor | undefined;
}

/** Step 12: tools and words are judged. */
export interface AllowedCall {
  readonly access: Access;
  readonly rpc: RpcRequest;
  /** What the lists that it asks for must not show. */
  readonly listRules: readonly ListRule[];
}

/** Step 13: rates, lease, budgets and quotas are held, or nothing was to be held. */
export interface SpendHold {
  readonly ticket: RateTicket;
  readonly price: Price;
  readonly inputBytes: number;
  readonly limits: readonly PlannedLimit[];
  readonly admission: Admission;
  /** Who holds the admission: the shared counters, or this node's own while those are away. */
  readonly store: Counters;
  /** How much of the answer is held for; undefined where no limit depends on its length. */
  readonly allowance: AnswerAllowance | undefined;
  /** The usage event as far as it is known before the upstream is called: JSON without its end. */
  readonly eventHead: string;
  /** Where the lease keeper has it. */
  keptAt: number;
}

/** Step 14: the request got an answer, or failed after it was admitted. */
export interface Outcome {
  readonly status: number;
  readonly outputBytes: number;
  readonly upstreamMillis: number | undefined;
  /** The answer is a JSON-RPC error or a tool result with `isError`. */
  readonly isToolError: boolean;
  /** Set when the answer failed on its way. */
  readonly failure: Refusal | undefined;
}
