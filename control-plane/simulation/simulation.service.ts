/** Tries a draft on recorded traffic: which calls would have ended otherwise, and whose they were. Nothing is written. */
import { z } from 'zod';
import { parseInput } from '../graphql/input-refused.ts';
import type { AdminContext } from '../request-context.ts';
import { DAY_MILLIS } from '../usage/usage-buckets.ts';
import { readDraft, type DraftInput } from './draft-reader.ts';
import { readCalls, type RecordedCall } from './recorded-calls.ts';
import { simulate, type ChangedCall, type Ending } from './simulate.ts';

export interface SimulationInput {
  readonly draft: DraftInput;
  /** How far back, from now. */
  readonly days: number;
  readonly callsMax: number;
}

export interface Transition {
  readonly before: Ending;
  readonly after: Ending;
  readonly calls: number;
}

/** How many of the changed calls were whose. */
export interface Share {
  readonly value: string;
  readonly label: string;
  readonly calls: number;
}

export interface Simulation {
  readonly gte: Date;
  readonly lt: Date;
  readonly judged: number;
  readonly unknown: number;
  readonly changed: number;
  readonly isCut: boolean;
  readonly transitions: readonly Transition[];
  readonly shares: Readonly<Record<Dimension, readonly Share[]>>;
  readonly examples: readonly ChangedCall[];
  readonly notes: readonly string[];
}

const DAYS_MAX = 90;
const CALLS_MAX = 50_000;
const MILLIS_MAX = 10_000;
const TOP = 10;
const EXAMPLES = 20;

const boundsSchema = z.object({ days: z.int().min(1).max(DAYS_MAX), callsMax: z.int().min(1).max(CALLS_MAX) });

/** By what a changed call is counted: its value and what people call it. */
const DIMENSIONS = {
  keys: (call) => [call.api_key_id, call.api_key_prefix],
  users: (call) => [call.user_id, call.user_id],
  teams: (call) => [call.team_id, call.team_id],
  clients: (call) => [call.client_name, call.client_name],
  servers: (call) => [call.server_id, call.server_slug],
  tools: (call) => [call.tool, call.tool],
} as const satisfies Record<string, (call: RecordedCall) => readonly [string | null, string | null]>;
export type Dimension = keyof typeof DIMENSIONS;

export class SimulationService {
  async simulate(context: AdminContext, input: SimulationInput): Promise<Simulation> {
    const { days, callsMax } = parseInput(boundsSchema, { days: input.days, callsMax: input.callsMax });
    const draft = await readDraft(context, input.draft);
    const lt = new Date();
    const wished = lt.getTime() - days * DAY_MILLIS;
    const deadline = performance.now() + MILLIS_MAX;
    const { calls, isCut } = await readCalls(context.em, {
      organisationId: context.caller.organisationId,
      gte: new Date(draft.countsFrom(wished)),
      lt,
      scope: draft.scope,
      callsMax,
      isLate: () => performance.now() > deadline,
    });
    const oldest = calls[0]?.occurred_at.getTime() ?? wished;
    const fromMillis = isCut ? Math.max(wished, oldest) : wished;
    const { judged, unknown, changed } = simulate(calls, draft, fromMillis);
    return {
      gte: new Date(fromMillis),
      lt,
      judged,
      unknown,
      changed: changed.length,
      isCut,
      transitions: transitionsOf(changed),
      shares: {
        keys: sharesOf(changed, 'keys'),
        users: sharesOf(changed, 'users'),
        teams: sharesOf(changed, 'teams'),
        clients: sharesOf(changed, 'clients'),
        servers: sharesOf(changed, 'servers'),
        tools: sharesOf(changed, 'tools'),
      },
      examples: changed.slice(0, EXAMPLES),
      notes: [
        ...draft.notes,
        ...(isCut ? ['there were more calls than were looked at; those before the first one may still have counted in its windows'] : []),
        ...(changed.some(({ after }) => after.decision === 'ALLOWED')
          ? ['of a call that would no longer be refused nobody knows what later steps had said']
          : []),
      ],
    };
  }
}

function transitionsOf(changed: readonly ChangedCall[]): Transition[] {
  const groups = Map.groupBy(changed, ({ before, after }) => JSON.stringify([before, after]));
  const transitions = [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [{ before: first.before, after: first.after, calls: group.length }];
  });
  return transitions.toSorted((one, other) => other.calls - one.calls);
}

/** The largest first; calls of nobody known are left out. */
function sharesOf(changed: readonly ChangedCall[], dimension: Dimension): Share[] {
  const shares = new Map<string, { value: string; label: string; calls: number }>();
  for (const { call } of changed) {
    const [value, label] = DIMENSIONS[dimension](call);
    if (value === null) continue;
    const share = shares.get(value);
    if (share === undefined) shares.set(value, { value, label: label ?? value, calls: 1 });
    else share.calls++;
  }
  return [...shares.values()].toSorted((one, other) => other.calls - one.calls).slice(0, TOP);
}
