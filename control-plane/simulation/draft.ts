/** What a draft rule is to a simulation: whose calls it is about, what it would have said of each, and which rule it takes the place of. */
import type { RefusalCode, RefusalReason } from '../../shared/refusals.ts';
import type { SqlCondition } from '../database/sql-condition.ts';
import type { RecordedCall } from './recorded-calls.ts';

export interface Objection {
  readonly code: RefusalCode;
  readonly reason: RefusalReason;
  /** Where in the draft it stands. */
  readonly path: string;
}

/** `unknown`: the record does not say what would be needed to judge. */
export type Judgement = Objection | 'passes' | 'unknown';

export interface DraftCheck {
  /** At which step of the access flow it is made, from 1. */
  readonly step: number;
  /** Requests that steps 11 and 12 refuse are charged as well, as step 15 does. */
  readonly isChargedAlways?: boolean;
  judge(call: RecordedCall): Judgement;
  /** Counts a call that nothing objects to. */
  take?(call: RecordedCall): void;
}

export interface Draft {
  readonly scope: SqlCondition;
  /** In the order in which they are made. */
  readonly checks: readonly DraftCheck[];
  /** Whether the draft takes the place of what refused the call. */
  replaces(call: RecordedCall): boolean;
  /** From when on calls must be known, so that those since then are counted as they would have been. */
  countsFrom(gteMillis: number): number;
  /** What of the draft no record can tell. */
  readonly notes: readonly string[];
}

export const EVERYTHING: SqlCondition = { sql: 'true', values: [] };
