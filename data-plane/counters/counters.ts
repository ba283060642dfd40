/** What the data plane counts: one atomic step admits a request, one settles it; Redis and memory keep the same contract. */
import type { LoopKind } from '../../shared/policy-rules.ts';

/** At most `limit` admissions in any span of `windowMillis`. With `burst`, an even pace of limit per window with at most `burst` at once. */
export interface RateCheck {
  /** Unique within the organisation, such as `rate:key_01…:60000`. */
  readonly key: string;
  readonly limit: number;
  readonly windowMillis: number;
  readonly burst: number | undefined;
  /** Refuses nothing, and counts what it would have admitted. */
  readonly observe?: boolean;
}

/** At most `max` requests under way at once. A request that is neither renewed nor settled within `ttlMillis` is taken to be lost and closed. */
export interface LeaseCheck {
  readonly key: string;
  readonly max: number;
  readonly ttlMillis: number;
  /** Refuses nothing, and counts whatever is under way. */
  readonly observe?: boolean;
}

/**
 * A breaker against loops. `repeated_calls`: at most `max` calls under the key in a window that begins with the first of them. `fan_out`: at most `max`
 * different items in such a window. `error_streak`: refuses once `max` calls in a row were settled as failed, until `windowMillis` after the last of them.
 */
export interface LoopCheck {
  readonly kind: LoopKind;
  /** Of the key, and of what it repeats; unique within the organisation, and in the admission. */
  readonly key: string;
  readonly max: number;
  readonly windowMillis: number;
  /** Refuses nothing, and counts what it would have admitted. */
  readonly observe: boolean;
  /** How many calls of the request it counts. */
  readonly calls: number;
  /** What a fan-out counts once, each of `LOOP_ITEM_LENGTH` characters; empty for the others. */
  readonly items: readonly string[];
}

/** Characters of an item: a set of them is kept side by side. */
export const LOOP_ITEM_LENGTH = 12;

/**
 * A window of a budget or quota: used + reserved + what is to be held may not exceed `limit`, and with a previous window what that one
 * has left of `limit`. Integers below 2^53.
 */
export interface HoldCheck {
  /** Names limit and window, such as `lim_01…:1767225600000`. */
  readonly key: string;
  /** The window whose rest may be used in this one as well; undefined without rollover. Calls under way there count as used. */
  readonly previousKey: string | undefined;
  readonly limit: number;
  /** Counts without refusing; the answer says that it would have refused. */
  readonly observe: boolean;
  /** When the window's counters may be forgotten. */
  readonly expireAtMillis: number;
}

/**
 * All checks of one request, judged together: all are taken or none is. Lists that are the same object in many admissions, as those
 * of one key are, are written to the store once for all of them.
 */
export interface Admission {
  /** Keys of one organisation share a hash slot, and nothing is ever counted across organisations. */
  readonly organisationId: string;
  /** Makes the step idempotent: the same request asked again gets the same answer and counts once. */
  readonly requestId: string;
  readonly rates: readonly RateCheck[];
  readonly leases: readonly LeaseCheck[];
  /** Judged before the holds. Only with an intent. */
  readonly loops?: readonly LoopCheck[] | undefined;
  readonly holds: readonly HoldCheck[];
  /** What is held, one amount per hold. */
  readonly heldAmounts: readonly number[];
  /**
   * The usage event's JSON as it stands before the upstream is called, kept until the settlement replaces it, so that a crash
   * leaves a trace of every admitted call. Undefined when only rates are charged, for a request that is refused anyway.
   */
  readonly intent: string | undefined;
  /** Where every enforced limit allows it, calls like this one may be admitted ahead; a store that shares its counts with nobody need not. */
  readonly ahead?: AheadTerms | undefined;
}

/** How room for several calls is held at once. */
export interface AheadTerms {
  /** So many calls at most. */
  readonly calls: number;
  /** The usage event that stands for all of them if their node is lost, under the request id of the first and at the cost of what they hold. */
  readonly intentFor: (heldAmounts: readonly number[]) => string;
}

/** What an admitted request holds when its answer turns out longer than what was held for it at first. */
export interface Extension {
  /** In place of what was held so far, one amount per hold, none of them less. */
  readonly heldAmounts: readonly number[];
  /** In place of the intent so far: what the crash of the node would leave now. */
  readonly intent: string;
}

export interface ObservedCheck {
  readonly check: 'rate' | 'lease' | 'loop';
  /** Index into the admission's list of that check. */
  readonly index: number;
}

export type AdmissionAnswer =
  | {
      readonly kind: 'admitted';
      /** Indexes of observed holds that would have refused. */
      readonly observedHolds: readonly number[];
      /** Other observed checks that would have; undefined when none would. */
      readonly observedChecks?: readonly ObservedCheck[];
    }
  | {
      readonly kind: 'refused';
      readonly check: 'rate' | 'lease' | 'loop' | 'hold';
      /** Index into the admission's list of that check. */
      readonly index: number;
      readonly used: number;
      readonly reserved: number;
      /** What came on top of the limit from the previous window. */
      readonly carriedOver: number;
      /** When asking again may help; 0 when only the end of a window helps. */
      readonly retryAfterMillis: number;
    };

/** What an admission would be answered now, and what each of its checks has counted before it. */
export interface AdmissionPeek {
  readonly answer: AdmissionAnswer;
  /** Admissions that are still counted by each rate. */
  readonly rates: readonly number[];
  /** Requests under way that hold each lease. */
  readonly leases: readonly number[];
  readonly holds: readonly CountedHold[];
}

export interface CountedHold {
  readonly used: number;
  readonly reserved: number;
  readonly carriedOver: number;
}

/**
 * Closes an admitted request: leases are released, each hold is replaced by what was really used, once. The event joins the usage stream
 * also when the store has closed the request already or lost its memory: whoever reads keeps the first event of a request.
 */
export interface Settlement {
  readonly admission: Admission;
  /** Actual amounts, one per hold, in the order of the admission. */
  readonly amounts: readonly number[];
  /** The final usage event's JSON. */
  readonly event: string;
  /** Whether streaks of errors go on or end; undefined leaves them as they are. */
  readonly failed?: boolean | undefined;
}

/** Closes room for several calls at what they used together. The calls' events are told with it, all or none of them. */
export interface AllotmentSettlement {
  readonly admission: Admission;
  readonly amounts: readonly number[];
  readonly events: readonly string[];
}

/** The store does not answer. What that means is decided per control, by the caller (`design.md`, Fail modes). */
export class CountersUnavailable extends Error {
  override readonly name: string = 'CountersUnavailable';
}

/** The store has lost what was counted in windows, and it is being counted again. */
export class CountersRebuilding extends CountersUnavailable {
  override readonly name = 'CountersRebuilding';
}

/** Whether the store may have taken what it was asked. */
export function isDoubt(error: unknown): boolean {
  return error instanceof CountersUnavailable && !(error instanceof CountersRebuilding);
}

/** An admitted request that nobody has settled yet, with what it holds by now. */
export interface OpenRequest {
  readonly admission: Admission;
  readonly held: Extension;
}

export interface Counters {
  /** One round trip. Rejects with `CountersUnavailable` and nothing else. */
  admit(admission: Admission): Promise<AdmissionAnswer>;
  /** Judges as `admit` would, takes nothing and changes nothing. Rejects with `CountersUnavailable` and nothing else. */
  peek(admission: Admission): Promise<AdmissionPeek>;
  /**
   * Holds more for an admitted request, in every window or in none. Asked again with the same amounts it takes nothing more. Whoever settles names the admission
   * as it was: the store knows what was added. Rejects with `CountersUnavailable`, also for a request that was closed as lost.
   */
  extend(admission: Admission, extension: Extension): Promise<AdmissionAnswer>;
  /** Handed over, not awaited: kept and sent again until the store has it. */
  settle(settlement: Settlement): void;
  /** Appends the event of a request that was not admitted here (refused, or admitted while the store was away). Handed over like `settle`. */
  record(organisationId: string | null, event: string): void;
  /** Keeps the leases of a long call alive. */
  renew(admission: Admission): void;
  /** Whether the last thing heard of the store was good. */
  readonly isAvailable: boolean;
  /** Settlements and events that the store does not have yet. */
  readonly backlog: number;
  /** Resolves when the backlog is empty. */
  flushed(): Promise<void>;
  /** Sends what is left, for at most `graceMillis`, then lets go of the store. Answers how many could not be sent. */
  close(graceMillis: number): Promise<number>;
}
