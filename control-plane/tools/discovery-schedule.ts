/** Discovers tools of the servers that want it every so often; whichever replica claims a server looks at it, and the others do not. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { z } from 'zod';
import { newId } from '../../shared/ids.ts';
import { insideOrganisation } from '../database/tenant-filter.ts';
import { InputRefused } from '../graphql/input-refused.ts';
import type { DiscoveryService } from './discovery.service.ts';

const TICK_MILLIS = 5000;
/** Servers that one replica looks at at once: one that does not answer must not hold up all others. */
const LOOKS_MAX = 4;
const claimSchema = z.array(z.object({ id: z.string(), organisation_id: z.string() }));

export class DiscoverySchedule {
  readonly #em: EntityManager;
  readonly #discovery: DiscoveryService;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  #working: Promise<void> | undefined;
  #isClosed = false;

  /** `em` sees the servers of all organisations. */
  constructor(em: EntityManager, discovery: DiscoveryService, log: Logger) {
    this.#em = em;
    this.#discovery = discovery;
    this.#log = log;
    this.#timer = setInterval(() => void this.runDue(), TICK_MILLIS);
  }

  /** Resolves when nothing is due any more. Never rejects: what failed is logged, and due again in its turn. */
  runDue(): Promise<void> {
    this.#working ??= Promise.all(Array.from({ length: LOOKS_MAX }, () => this.#work()))
      .then(() => undefined)
      .catch((error: unknown) => this.#log.warn({ err: error }, 'tools could not be discovered'))
      .finally(() => (this.#working = undefined));
    return this.#working;
  }

  /** Ends after what is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#working;
  }

  async #work(): Promise<void> {
    while (!this.#isClosed) {
      const claimed = await this.#claim();
      if (claimed === undefined) return;
      await this.#discover(claimed);
    }
  }

  /** Claimed is what nobody else finds due any more, even if this replica dies with it. */
  async #claim(): Promise<{ id: string; organisation_id: string } | undefined> {
    const rows = await this.#em.fork().execute(
      `update mcp_servers set tool_discovery_due_at = now() + tool_discovery_minutes * interval '1 minute'
       where id = (select id from mcp_servers where tool_discovery_due_at <= now() and enabled order by tool_discovery_due_at limit 1 for update skip locked)
       returning id, organisation_id`,
    );
    return claimSchema.parse(rows)[0];
  }

  async #discover({ id, organisation_id: organisationId }: { id: string; organisation_id: string }): Promise<void> {
    const em = insideOrganisation(this.#em, organisationId);
    const actor = { requestId: newId('request'), claim: undefined, caller: { organisationId, actor: { kind: 'SCHEDULE', id } } } as const;
    try {
      await this.#discovery.discover(em, { actor, isPerson: false }, { id, expectedVersion: null });
    } catch (error) {
      // What a person would be told stands at the server already.
      if (error instanceof InputRefused) this.#log.info({ serverId: id, reason: error.message }, 'tools could not be discovered');
      else this.#log.warn({ err: error, serverId: id }, 'tools could not be discovered');
    }
  }
}
