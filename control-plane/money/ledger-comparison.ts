/** Compares an organisation's counters, records and sums at one moment, and keeps and tells what it finds. */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { NOTHING_COUNTED } from '../../shared/window-counts.ts';
import { readingSums } from '../usage/usage-sums.ts';
import { momentOf, type LedgerMoment, type LedgerMomentParts, type OpenWindow } from './ledger-moment.ts';
import { LimitReconciliationEntity, type LimitReconciliation } from './limit-reconciliation.entity.ts';
import { toLimitDocument } from './limit.document.ts';
import type { Limit } from './limit.entity.ts';
import { TAKEN_MILLIS } from './reconciliation-claims.ts';
import { sumRolledUp } from './rolled-up-sums.ts';
import { isExplained, notCountedOf, unexplainedOf, type ComparedWindow } from './unexplained.ts';
import { sumWindows } from './window-sums.ts';

export interface LedgerComparisonParts extends LedgerMomentParts {
  readonly log: Logger;
}

/** Every node knows a limit, or a change of it, this long afterwards. */
const KNOWN_AFTER_MILLIS = 10_000;

/** What was found before stays when there is nothing to compare. Answers for how many milliseconds records and sums were read. */
export async function compareLedger(parts: LedgerComparisonParts, organisationId: string): Promise<number> {
  const moment = await momentOf(parts, organisationId);
  if (moment === undefined) return 0;
  const startedAt = performance.now();
  const amounts = await amountsAt(parts.em, organisationId, moment);
  const readMillis = performance.now() - startedAt;
  const em = parts.em.fork();
  const before = await em.find(LimitReconciliationEntity, { organisationId }, { filters: false });
  const found: LimitReconciliation[] = [];
  for (const [index, open] of moment.windows.entries()) {
    const [counted, earlier] = [amounts[index], before.find(({ id }) => id === open.key)];
    assert(counted !== undefined, 'a window was not summed');
    const now = foundOf(open, moment, counted, earlier);
    tell(parts.log, open.limit, now, earlier);
    found.push(now);
  }
  if (found.length > 0) await em.fork().upsertMany(LimitReconciliationEntity, found);
  await em.nativeDelete(LimitReconciliationEntity, { organisationId, id: { $nin: found.map(({ id }) => id) } }, { filters: false });
  return readMillis;
}

type Amounts = Omit<ComparedWindow, 'notCounted'>;

async function amountsAt(em: EntityManager, organisationId: string, { windows, look, records }: LedgerMoment): Promise<Amounts[]> {
  const counted = windows.map(({ limit, window }) => ({ limit: toLimitDocument(limit), window }));
  const [recorded, rolledUp] = await readingSums(em, async (reader) => {
    await reader.execute(`set local statement_timeout = ${TAKEN_MILLIS}`);
    return [await sumWindows(reader, organisationId, counted, records), await sumRolledUp(reader, organisationId, counted)] as const;
  });
  return rolledUp.map((sums, index) => {
    const { used, reserved } = look.windows[index] ?? NOTHING_COUNTED;
    const underWay = look.underWay.get(windows[index]?.key ?? '') ?? 0;
    return { used: BigInt(used), reserved: BigInt(reserved), underWay: BigInt(underWay), recorded: recorded[index] ?? 0n, rolledUp: sums };
  });
}

function foundOf(
  { limit, window, key }: OpenWindow,
  { millis, look }: LedgerMoment,
  amounts: Amounts,
  earlier: LimitReconciliation | undefined,
): LimitReconciliation {
  const { epoch } = look;
  const knownSinceMillis = Math.max(limit.updatedAt.getTime(), limit.startAt.getTime()) + KNOWN_AFTER_MILLIS;
  const isNew = (earlier?.checkedAt.getTime() ?? window.startMillis) < knownSinceMillis;
  return {
    id: key,
    organisationId: limit.organisationId,
    limitId: limit.id,
    startsAt: new Date(window.startMillis),
    endsAt: new Date(window.endMillis),
    checkedAt: new Date(millis),
    epoch,
    ...amounts,
    notCounted: notCountedOf({ ...amounts, epoch }, earlier, isNew),
  };
}

/** Once, until something else is found. */
function tell(log: Logger, { metric, name }: Limit, now: LimitReconciliation, earlier: LimitReconciliation | undefined): void {
  const unexplained = unexplainedOf(now, metric);
  const known = earlier && unexplainedOf(earlier, metric);
  if (isDeepStrictEqual(unexplained, known)) return;
  const { organisationId, limitId, startsAt } = now;
  const facts = {
    organisationId,
    limitId,
    name,
    startsAt,
    unexplained: Object.fromEntries(Object.entries(unexplained).map(([what, amount]) => [what, String(amount)])),
  };
  if (!isExplained(unexplained)) log.warn(facts, 'nothing explains how counters, records and sums of a limit differ');
  else if (known !== undefined) log.info(facts, 'counters, records and sums of a limit agree again');
}
