/** Reads the chains of audit events from the first to the last, and finds where one of them does not hold. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { chainHash } from './audit-chain.ts';
import type { AuditHead } from './audit-heads.ts';
import { AUDIT_COLUMNS, auditRowSchema, type AuditRow } from './audit-row.ts';

const PAGE = 1000;
/** Below every position that PostgreSQL could hold. */
const BEFORE_ALL = -(2n ** 63n);
const organisationsSchema = z.array(z.object({ id: z.string() }));

export interface ChainReport {
  readonly organisationId: string;
  /** How many events were read and hold. */
  readonly events: number;
  /** How many signed heads there were to compare with. */
  readonly heads: number;
  /** The first place that does not hold, as a sentence; undefined when everything does. */
  readonly fault: string | undefined;
}

/** One report for each organisation. The heads must have been read before: a chain may have grown since, and never shrinks. */
export async function verifyAudit(em: EntityManager, heads: readonly AuditHead[]): Promise<ChainReport[]> {
  return em.fork().transactional(
    async (reader) => {
      const known = organisationsSchema.parse(await reader.execute('select id from organisations'));
      const ids = new Set([...known, ...heads.map(({ organisationId }) => ({ id: organisationId }))].map(({ id }) => id));
      const reports: ChainReport[] = [];
      for (const id of [...ids].toSorted()) {
        const ofOne = heads.filter(({ organisationId }) => organisationId === id);
        reports.push(await checkChain(chainOf(reader, id), id, ofOne));
      }
      return reports;
    },
    { isolationLevel: 'repeatable read', readOnly: true },
  );
}

async function checkChain(rows: AsyncIterable<AuditRow>, organisationId: string, heads: readonly AuditHead[]): Promise<ChainReport> {
  const headsAt = Map.groupBy(heads, ({ position }) => position);
  let events = 0;
  let previousHash: string | null = null;
  const report = (fault?: string): ChainReport => ({ organisationId, events, heads: heads.length, fault });
  for await (const row of rows) {
    const fault = faultOf(row, { position: BigInt(events), hash: previousHash }, headsAt.get(row.position) ?? []);
    if (fault !== undefined) return report(fault);
    events += 1;
    previousHash = row.hash;
  }
  const cut = heads.find(({ position }) => BigInt(position) > BigInt(events));
  return report(cut === undefined ? undefined : `the chain was cut off behind position ${events}: at ${cut.at} it ended at position ${cut.position}`);
}

function faultOf(row: AuditRow, previous: { readonly position: bigint; readonly hash: string | null }, heads: readonly AuditHead[]): string | undefined {
  const [position, expected] = [BigInt(row.position), previous.position + 1n];
  if (position > expected) return `position ${expected} is missing: what comes next is position ${position} (${row.id})`;
  if (position < expected) return `position ${position} (${row.id}) was put in where position ${expected} should be`;
  if (row.previousHash !== previous.hash) return `position ${position} (${row.id}) does not follow from the event before it`;
  if (row.hash !== chainHash(previous.hash, row)) return `position ${position} (${row.id}) is not as it was written`;
  const other = heads.find(({ hash }) => hash !== row.hash);
  return other === undefined ? undefined : `the chain up to position ${position} (${row.id}) was written anew: at ${other.at} it was another`;
}

async function* chainOf(reader: EntityManager, organisationId: string): AsyncGenerator<AuditRow> {
  for (let after = BEFORE_ALL, isMore = true; isMore;) {
    const rows = auditRowSchema
      .array()
      .parse(
        await reader.execute(
          `select ${AUDIT_COLUMNS} from audit_events where organisation_id = ? and position > ? order by audit_events.position limit ${PAGE}`,
          [organisationId, String(after)],
        ),
      );
    yield* rows;
    after = BigInt(rows.at(-1)?.position ?? after);
    isMore = rows.length === PAGE;
  }
}
