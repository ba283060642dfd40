/** Keeps the heads of the chains where no change of the database reaches them: signed, in a file and in the log. */
import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { z } from 'zod';
import { RepeatedTask } from '../background/repeated-task.ts';
import { AUDIT_HEADS_FILE, type AuditHead, type HeadSigner, type SignedHead } from './audit-heads.ts';

/** What is written and cut off again within this time leaves no trace. */
const PAUSE_MILLIS = 60_000;
const COMPLAINT = 'the heads of the audit chains could not be kept';
const headsSchema = z.array(z.object({ organisationId: z.string(), position: z.string(), hash: z.string() }));
const CHAINS = [
  { chain: undefined, table: 'audit_events' },
  { chain: 'usage', table: 'usage_seals' },
] as const;

export interface HeadKeeperParts {
  readonly em: EntityManager;
  readonly signer: HeadSigner;
  readonly dataDirectory: string;
  readonly log: Logger;
}

export class AuditHeadKeeper {
  readonly #parts: HeadKeeperParts;
  readonly #task: RepeatedTask;
  /** Positions by chain, as they were kept last. */
  readonly #kept = new Map<string, string>();

  constructor(parts: HeadKeeperParts) {
    this.#parts = parts;
    this.#task = new RepeatedTask({ pauseMillis: PAUSE_MILLIS, log: parts.log, complaint: COMPLAINT }, () => this.#keep());
  }

  /** Keeps the last heads. */
  async close(): Promise<void> {
    await this.#task.close();
    await this.#keep().catch((error: unknown) => this.#parts.log.warn({ err: error }, COMPLAINT));
  }

  /** A head that could not be kept is kept the next time, with what came until then. */
  async #keep(): Promise<void> {
    const { dataDirectory, log } = this.#parts;
    const heads = await this.#newHeads();
    if (heads.length === 0) return;
    for (const auditHead of heads) log.info({ auditHead }, 'the head of an audit chain');
    await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
    const lines = heads.map((head) => `${JSON.stringify(head)}\n`).join('');
    await appendFile(join(dataDirectory, AUDIT_HEADS_FILE), lines, { mode: 0o600, flush: true });
    for (const head of heads) this.#kept.set(nameOf(head), head.position);
  }

  /** Of the chains that have changed since. */
  async #newHeads(): Promise<SignedHead[]> {
    const { em, signer } = this.#parts;
    const at = new Date().toISOString();
    const heads: SignedHead[] = [];
    for (const { chain, table } of CHAINS) {
      const rows = await em.fork().execute(`
        select organisations.id as "organisationId", head.position::text as position, head.hash
        from organisations, lateral (select position, hash from ${table} where organisation_id = organisations.id order by position desc limit 1) as head`);
      const ends = headsSchema.parse(rows).map((head) => ({ ...(chain === undefined ? {} : { chain }), ...head, at }));
      heads.push(...ends.filter((head) => this.#kept.get(nameOf(head)) !== head.position).map((head) => signer.sign(head)));
    }
    return heads;
  }
}

function nameOf({ chain, organisationId }: Pick<AuditHead, 'chain' | 'organisationId'>): string {
  return `${chain ?? 'audit'} ${organisationId}`;
}
