/** Reads the chains of audit events from the first to the last, and finds where one of them does not hold. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { chainHash } from './audit-chain.ts';
import type { AuditHead } from './audit-heads.ts';
import { AUDIT_COLUMNS, auditRowSchema, type AuditRow } from './audit-row.ts';
import { checkChain, headsOf, organisationsOf } from './check-chain.ts';

const PAGE = 1000;
/** Below every position that PostgreSQL could hold. */
const BEFORE_ALL = -(2n ** 63n);

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
      const reports: ChainReport[] = [];
      for (const id of await organisationsOf(reader, heads)) {
        const { length, ...checked } = await checkChain(chainOf(reader, id), { heads: headsOf(heads, id), hashOf: chainHash });
        reports.push({ organisationId: id, events: length, ...checked });
      }
      return reports;
    },
    { isolationLevel: 'repeatable read', readOnly: true },
  );
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
