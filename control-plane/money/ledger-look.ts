/** What Redis holds of an organisation's ledger at one moment, and how it is read from what Redis answers. */
import { z } from 'zod';
import { NOTHING_COUNTED, readPackedWindow, type WindowCounts } from '../../shared/window-counts.ts';
import { toldRequests } from './told-requests.ts';

export interface LedgerLook {
  /** In which Redis, and after which loss, the windows were counted. */
  readonly epoch: string;
  /** In the order in which they were asked for. */
  readonly windows: readonly WindowCounts[];
  /** What calls under way hold, by the key of the window. */
  readonly underWay: ReadonlyMap<string, number>;
  /** Requests whose events wait in the stream, stored already or not. */
  readonly waiting: readonly string[];
}

/** Where the ledger is read from. */
export interface LedgerSource {
  /**
   * All of one moment. Undefined when it can be compared with nothing: windows are closed, or too many events wait. Rejects with `WindowCountsUnavailable` and
   * nothing else.
   */
  look(organisationId: string, keys: readonly string[]): Promise<LedgerLook | undefined>;
}

/** Entries of a stream that are read; with more, the records are too far behind. */
export const WAITING_ENTRIES_MAX = 200;

/** What `INFO server`, `HMGET counts epoch key…`, `HVALS intents` and `XRANGE usage` answer, in this order and in one transaction. */
const answersSchema = z.tuple([
  z.tuple([z.null(), z.string()]),
  z.tuple([z.null(), z.tuple([z.instanceof(Buffer).nullable()], z.instanceof(Buffer).nullable())]),
  z.tuple([z.null(), z.array(z.string())]),
  z.tuple([z.null(), z.array(z.tuple([z.string(), z.array(z.string())]))]),
]);
const RUN_ID_AT = 16;

/** Throws for what is no answer to those. */
export function readLook(answers: unknown): LedgerLook | undefined {
  const [[, info], [, [epoch, ...windows]], [, intents], [, entries]] = answersSchema.parse(answers);
  const runId = /run_id:(\w+)/.exec(info)?.[1];
  if (epoch === null || runId === undefined || !epoch.toString('latin1', RUN_ID_AT).startsWith(runId) || entries.length >= WAITING_ENTRIES_MAX)
    return undefined;
  const events = entries.flatMap(([, fields]) => fields.filter((_, index) => index % 2 === 1));
  return {
    epoch: epoch.toString('base64'),
    windows: windows.map((window) => (window === null ? NOTHING_COUNTED : readPackedWindow(window))),
    underWay: heldBy(intents),
    waiting: toldRequests(events),
  };
}

/** An intent begins with "leases lease… window…" and "amount…", a line each. */
function heldBy(intents: readonly string[]): Map<string, number> {
  const held = new Map<string, number>();
  for (const intent of intents) {
    const [names = '', amounts = ''] = intent.split('\n', 2);
    const [leases, ...keys] = names.split(' ');
    const windows = keys.slice(Number(leases));
    for (const [index, amount] of amounts.split(' ').entries()) {
      const key = windows[index];
      if (key !== undefined) held.set(key, (held.get(key) ?? 0) + Number(amount));
    }
  }
  return held;
}
