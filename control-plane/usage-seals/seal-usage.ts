/** Seals usage records: one link for each hour in what was stored since the last time, exactly once however many replicas try. */
import { hash } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { insertFrom, type RowOf } from '../usage-intake/stored-rows.ts';
import { BEFORE_ALL_SEQUENCES, readHours, sealHash, type SealContent, type UsageSeal } from './usage-seal.ts';

/** Any number, the same in every replica; the organisation is the other half of the lock's name. */
const SEAL_LOCK = 7_261_023;
/** Records of one round. More are sealed by the rounds that follow at once. */
const ROUND_RECORDS_MAX = 100_000;
const STATEMENT_MILLIS_MAX = 60_000;
const COLUMNS = [
  'organisation_id text',
  'position bigint',
  'kind text',
  'hour timestamptz',
  'after_sequence bigint',
  'upto_sequence bigint',
  'records bigint',
  'lowest_request_id text',
  'highest_request_id text',
  'content_hash text',
  'previous_hash text',
  'hash text',
] as const;
const NOTHING_HASH = hash('sha256', '', 'hex');

const idsSchema = z.array(z.object({ id: z.string() }));
const headSchema = z.object({ position: z.coerce.bigint(), hash: z.string().nullable(), upto: z.string().nullable() });
const nextSchema = z.object({ upto: z.string().nullable(), count: z.number() });

/** The organisations with records that were stored before a moment, and are not sealed yet. */
export async function findUnsealed(em: EntityManager, storedBefore: Date): Promise<string[]> {
  const rows = await em.fork().execute(
    `select organisations.id from organisations,
       lateral (select coalesce((select upto_sequence from usage_seals where organisation_id = organisations.id order by position desc limit 1), ?::bigint) as upto) as sealed
     where (select recorded_at from usage_records where organisation_id = organisations.id and sequence > sealed.upto order by sequence limit 1) < ?
     order by organisations.id`,
    [BEFORE_ALL_SEQUENCES, storedBefore],
  );
  return idsSchema.parse(rows).map(({ id }) => id);
}

/** Seals what is stored by now. Answers whether that was more than one round takes. */
export function sealRound(em: EntityManager, organisationId: string): Promise<boolean> {
  return em.fork().transactional(async (writer) => {
    await writer.execute(`set local statement_timeout = ${STATEMENT_MILLIS_MAX}`);
    const head = await lockHead(writer, organisationId);
    const after = head.upto ?? BEFORE_ALL_SEQUENCES;
    // Batches are stored one after the other, so nothing appears later below a sequence that can be seen now.
    const [row] = await writer.execute(
      `select max(sequence)::text as upto, count(*)::integer as count from
         (select sequence from usage_records where organisation_id = ? and sequence > ? order by sequence limit ${ROUND_RECORDS_MAX}) as next`,
      [organisationId, after],
    );
    const { upto, count } = nextSchema.parse(row);
    if (upto === null) return false;
    const hours = await readHours(writer, organisationId, { after, upto });
    await append(
      writer,
      head,
      hours.map((sealed) => ({ ...sealed, organisationId, kind: 'RECORDS', afterSequence: after, uptoSequence: upto })),
    );
    return count === ROUND_RECORDS_MAX;
  });
}

/** Notes in every chain that the records of a month are given up, in the transaction that does it. */
export async function sealDroppedMonth(em: EntityManager, startMillis: number): Promise<void> {
  const rows = await em.execute('select id from organisations where exists (select from usage_seals where organisation_id = organisations.id) order by id');
  for (const { id: organisationId } of idsSchema.parse(rows)) {
    const head = await lockHead(em, organisationId);
    const sequence = head.upto ?? BEFORE_ALL_SEQUENCES;
    const hour = new Date(startMillis).toISOString().replace('.000Z', 'Z');
    const sealed = { records: '0', lowestRequestId: null, highestRequestId: null, contentHash: NOTHING_HASH };
    await append(em, head, [{ ...sealed, organisationId, kind: 'DROPPED', hour, afterSequence: sequence, uptoSequence: sequence }]);
  }
}

type Head = z.infer<typeof headSchema>;

/** Where the chain ends, for whoever is to add to it: nobody else does until the transaction ends. */
async function lockHead(em: EntityManager, organisationId: string): Promise<Head> {
  await em.execute('select pg_advisory_xact_lock(?::integer, hashtext(?))', [SEAL_LOCK, organisationId]);
  const [row] = await em.execute(
    'select position::text as position, hash, upto_sequence::text as upto from usage_seals where organisation_id = ? order by usage_seals.position desc limit 1',
    [organisationId],
  );
  return headSchema.parse(row ?? { position: '0', hash: null, upto: null });
}

async function append(em: EntityManager, head: Head, contents: readonly Omit<SealContent, 'position'>[]): Promise<void> {
  let { position, hash: previousHash } = head;
  const seals = contents.map((content): UsageSeal => {
    position += 1n;
    const seal = { ...content, position: String(position) };
    const link = { ...seal, previousHash, hash: sealHash(previousHash, seal) };
    previousHash = link.hash;
    return link;
  });
  await em.execute(insertFrom('usage_seals', COLUMNS), [JSON.stringify(seals.map(toRow))]);
}

function toRow(seal: UsageSeal): RowOf<typeof COLUMNS> {
  return {
    organisation_id: seal.organisationId,
    position: seal.position,
    kind: seal.kind,
    hour: seal.hour,
    after_sequence: seal.afterSequence,
    upto_sequence: seal.uptoSequence,
    records: seal.records,
    lowest_request_id: seal.lowestRequestId,
    highest_request_id: seal.highestRequestId,
    content_hash: seal.contentHash,
    previous_hash: seal.previousHash,
    hash: seal.hash,
  };
}
