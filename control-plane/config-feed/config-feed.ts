/** The feed itself: a snapshot or what was missed, then every change as it is committed, and a heartbeat in between. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { checksumOfFrame, configChangeSchema, type ConfigChange, type ConfigFrame } from '../../shared/config-document.ts';
import type { DataPlaneCaller } from '../access/caller.ts';
import { DataPlaneTokenEntity } from '../access/tokens.entity.ts';
import type { Notifications } from '../database/notifications.ts';
import { CONFIG_CHANNEL } from './change-log.ts';
import { partsOf, readSnapshot } from './snapshot-builder.ts';

const HEARTBEAT_MILLIS = 5000;
/** A delta with more changes than this is no longer shorter than a snapshot is simple. */
const CHANGES_MAX = 5000;
const rowsSchema = z.array(z.object({ version: z.string(), change: configChangeSchema }));
const boundsSchema = z.object({ current: z.string(), oldest: z.string().nullable() });

interface Missed {
  readonly version: string;
  readonly changes: readonly ConfigChange[];
}

export class ConfigFeed {
  readonly #em: EntityManager;
  readonly #notifications: Notifications;

  constructor(em: EntityManager, notifications: Notifications) {
    this.#em = em;
    this.#notifications = notifications;
  }

  /** Frames for one data plane, until `signal` ends them or its token is revoked. */
  async *follow(caller: DataPlaneCaller, sinceVersion: string | null, signal: AbortSignal): AsyncGenerator<ConfigFrame> {
    let version = sinceVersion;
    while (!signal.aborted) {
      // Asked for before looking, so that a commit in between wakes the wait that follows.
      const woken = this.#notifications.next(CONFIG_CHANNEL, HEARTBEAT_MILLIS, signal);
      const missed = version === null ? undefined : await this.#changesAfter(caller, version);
      if (missed === undefined) {
        const snapshot = await readSnapshot(this.#em, caller.organisationIds);
        for await (const payload of partsOf(snapshot.upserts)) yield frame({ kind: 'SNAPSHOT', version: snapshot.version, payload });
        version = snapshot.version;
      } else if (version !== null && missed.version !== version) {
        yield frame({ kind: 'DELTA', version: missed.version, payload: { from: version, changes: [...missed.changes] } });
        version = missed.version;
      } else {
        yield frame({ kind: 'HEARTBEAT', version: missed.version, payload: {} });
      }
      await woken;
      if (!(await this.#isStillAllowed(caller))) return;
    }
  }

  /** Everything after a version, as one delta; undefined when the way from there is not known any more, or never was. */
  async #changesAfter(caller: DataPlaneCaller, version: string): Promise<Missed | undefined> {
    const em = this.#em.fork();
    const [bounds] = await em.execute('select (select version::text from config_version) as current, (select min(version)::text from config_changes) as oldest');
    const { current, oldest } = boundsSchema.parse(bounds);
    if (current === version) return { version, changes: [] };
    // A version ahead of ours comes from a database that has since been put back: only a snapshot helps.
    const isKnown = BigInt(version) < BigInt(current) && oldest !== null && BigInt(oldest) <= BigInt(version) + 1n;
    if (!isKnown) return undefined;
    const rows = rowsSchema.parse(
      await em.execute(
        `select version::text as version, change from config_changes
         where version > ? and version <= ? and (organisation_id is null or ?::boolean or organisation_id = any (?::text[]))
         order by version, position limit ?`,
        [version, current, caller.organisationIds === null, `{${(caller.organisationIds ?? []).join(',')}}`, CHANGES_MAX + 1],
      ),
    );
    return rows.length > CHANGES_MAX ? undefined : { version: current, changes: rows.map(({ change }) => change) };
  }

  async #isStillAllowed(caller: DataPlaneCaller): Promise<boolean> {
    return (await this.#em.fork().count(DataPlaneTokenEntity, { id: caller.tokenId, revokedAt: null })) === 1;
  }
}

function frame<Frame extends Omit<ConfigFrame, 'checksum'>>(given: Frame): Frame & { checksum: string } {
  return { ...given, checksum: checksumOfFrame(given.version, given.kind, given.payload) };
}
