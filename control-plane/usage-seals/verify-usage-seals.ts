/** Reads the chains of seals, and compares each with the usage records that it seals. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { timeOfId } from '../../shared/ids.ts';
import type { AuditHead } from '../audit/audit-heads.ts';
import { checkChain, headsOf, organisationsOf, type CheckedChain } from '../audit/check-chain.ts';
import { BEFORE_ALL_SEQUENCES, readHours, SEAL_COLUMNS, sealHash, usageSealSchema, type SealedHour, type UsageSeal } from './usage-seal.ts';

const PAGE = 1000;
const STATEMENT_MILLIS_MAX = 600_000;
const monthsSchema = z.array(z.object({ month: z.string() }));
const countSchema = z.object({ count: z.string() });

export interface SealsReport {
  readonly organisationId: string;
  readonly seals: number;
  readonly heads: number;
  /** Records that are compared with a seal, and are as they were sealed. */
  readonly records: number;
  /** Records that were stored since the last seal: nothing can be said of them yet. */
  readonly unsealed: string;
  /** Months that were given up when the time for which records are kept was over, as `2026-01`. */
  readonly dropped: readonly string[];
  /** The first place that does not hold, as a sentence; undefined when everything does. */
  readonly fault: string | undefined;
}

/** One report for each organisation. The heads must have been read before: a chain may have grown since, and never shrinks. */
export async function verifyUsageSeals(em: EntityManager, heads: readonly AuditHead[]): Promise<SealsReport[]> {
  return em.fork().transactional(
    async (reader) => {
      await reader.execute(`set local statement_timeout = ${STATEMENT_MILLIS_MAX}`);
      const reports: SealsReport[] = [];
      for (const id of await organisationsOf(reader, heads)) reports.push(await verifyOne(reader, id, headsOf(heads, id, 'usage')));
      return reports;
    },
    { isolationLevel: 'repeatable read', readOnly: true },
  );
}

async function verifyOne(reader: EntityManager, organisationId: string, heads: readonly AuditHead[]): Promise<SealsReport> {
  const dropped = await droppedMonths(reader, organisationId);
  const linked = async function* () {
    for await (const seal of sealsOf(reader, organisationId)) yield { ...seal, id: `the hour from ${seal.hour}` };
  };
  const { length: seals, ...chain }: CheckedChain = await checkChain(linked(), { heads, hashOf: sealHash });
  const told = { organisationId, seals, heads: chain.heads, dropped };
  // Seals that do not hold prove nothing of records.
  if (chain.fault !== undefined) return { ...told, records: 0, unsealed: '0', fault: `seals: ${chain.fault}` };
  const { upto, ...content } = await compareRecords(reader, organisationId, new Set(dropped));
  return { ...told, ...content, unsealed: await countAfter(reader, organisationId, upto) };
}

/** Round by round: the seals that were made at once cover the same records, each those of one hour. */
async function compareRecords(
  reader: EntityManager,
  organisationId: string,
  dropped: ReadonlySet<string>,
): Promise<{ records: number; fault: string | undefined; upto: string }> {
  let records = 0;
  let upto = BEFORE_ALL_SEQUENCES;
  for await (const round of roundsOf(sealsOf(reader, organisationId))) {
    const hours = await readHours(reader, organisationId, { after: upto, upto: round.upto });
    const fault = faultOfRound(round.seals, hours, dropped);
    upto = round.upto;
    if (fault !== undefined) return { records, fault, upto };
    records += hours.reduce((sum, hour) => sum + Number(hour.records), 0);
  }
  return { records, fault: undefined, upto };
}

function faultOfRound(seals: readonly UsageSeal[], hours: readonly SealedHour[], dropped: ReadonlySet<string>): string | undefined {
  const found = new Map(hours.map((hour) => [hour.hour, hour]));
  for (const seal of seals) {
    const hour = found.get(seal.hour);
    found.delete(seal.hour);
    if (isDropped(seal, dropped) || hour?.contentHash === seal.contentHash) continue;
    const [now, then] = [Number(hour?.records ?? 0), Number(seal.records)];
    const where = `in the hour from ${seal.hour} (seal ${seal.position})`;
    if (now < then) return `records are missing ${where}: ${then} were sealed, and ${now} are there`;
    if (now > then) return `records were put in ${where}: ${then} were sealed, and ${now} are there`;
    return `records are not as they were stored ${where}`;
  }
  const [other] = found.values();
  return other === undefined ? undefined : `records were put in where there were none, in the hour from ${other.hour}: ${other.records} are there`;
}

/** Where only some of an hour's records were dropped, at the edge of a month, the rest cannot be compared any more. */
function isDropped({ lowestRequestId, highestRequestId }: UsageSeal, dropped: ReadonlySet<string>): boolean {
  return [lowestRequestId, highestRequestId].some((id) => {
    const millis = timeOfId('request', id ?? '');
    return millis !== undefined && dropped.has(monthOf(millis));
  });
}

function monthOf(millis: number): string {
  return new Date(millis).toISOString().slice(0, 7);
}

async function* roundsOf(seals: AsyncIterable<UsageSeal>): AsyncGenerator<{ seals: UsageSeal[]; upto: string }> {
  let round: UsageSeal[] = [];
  for await (const seal of seals) {
    if (seal.kind === 'DROPPED') continue;
    const [first] = round;
    if (first !== undefined && first.uptoSequence !== seal.uptoSequence) {
      yield { seals: round, upto: first.uptoSequence };
      round = [];
    }
    round.push(seal);
  }
  const [last] = round;
  if (last !== undefined) yield { seals: round, upto: last.uptoSequence };
}

async function* sealsOf(reader: EntityManager, organisationId: string): AsyncGenerator<UsageSeal> {
  for (let after = BEFORE_ALL_SEQUENCES, isMore = true; isMore;) {
    const rows = await reader.execute(
      `select ${SEAL_COLUMNS} from usage_seals where organisation_id = ? and position > ? order by usage_seals.position limit ${PAGE}`,
      [organisationId, after],
    );
    const seals = usageSealSchema.array().parse(rows);
    yield* seals;
    after = seals.at(-1)?.position ?? after;
    isMore = seals.length === PAGE;
  }
}

async function droppedMonths(reader: EntityManager, organisationId: string): Promise<string[]> {
  const rows = await reader.execute(
    `select to_char(hour at time zone 'UTC', 'YYYY-MM') as month from usage_seals where organisation_id = ? and kind = 'DROPPED' order by hour`,
    [organisationId],
  );
  return monthsSchema.parse(rows).map(({ month }) => month);
}

async function countAfter(reader: EntityManager, organisationId: string, sequence: string): Promise<string> {
  const rows = await reader.execute('select count(*)::text as count from usage_records where organisation_id = ? and sequence > ?', [organisationId, sequence]);
  return countSchema.parse(rows[0]).count;
}
