/** The feed itself: a snapshot or what was missed, then every change as it is committed, and a heartbeat in between. */
import { setTimeout as wait } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { checksumOfFrame, type ConfigFrame } from '../../shared/config-document.ts';
import type { DataPlaneCaller } from '../access/caller.ts';
import type { Notifications } from '../database/notifications.ts';
import { CONFIG_CHANNEL } from './change-log.ts';
import { buildSnapshot } from './snapshot-builder.ts';
import { SnapshotReading } from './snapshot-reading.ts';

const HEARTBEAT_MILLIS = 5000;
/** The first change of a burst goes out at once, what follows so soon goes out together. */
const DELTA_GAP_MILLIS = 50;
/** With more changes than this a delta is no longer quicker to apply than a snapshot. */
const CHANGES_MAX = 1000;
const rowsSchema = z.array(z.object({ change: z.unknown() }));
const boundsSchema = z.object({ current: z.string(), oldest: z.string().nullable(), allowed: z.boolean() });
type Bounds = z.infer<typeof boundsSchema>;

export class ConfigFeed {
  readonly #em: EntityManager;
  readonly #notifications: Pick<Notifications, 'count' | 'nextAfter'>;
  readonly #clock: Clock;
  /** Readings under way, by the organisations that they hold. */
  readonly #readings = new Map<string, SnapshotReading>();

  constructor(em: EntityManager, notifications: Pick<Notifications, 'count' | 'nextAfter'>, clock: Clock = systemClock) {
    this.#em = em;
    this.#notifications = notifications;
    this.#clock = clock;
  }

  /** Frames for one data plane, until `signal` ends them or its token is revoked. */
  async *follow(caller: DataPlaneCaller, sinceVersion: string | null, signal: AbortSignal): AsyncGenerator<ConfigFrame> {
    let version = sinceVersion;
    let lastFrameAt = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      const silentMillis = this.#clock.elapsed() - lastFrameAt;
      // Read before looking, so that a commit in between ends the wait that follows.
      const heard = this.#notifications.count(CONFIG_CHANNEL);
      const bounds = await this.#bounds(caller);
      if (!bounds.allowed) return;
      const changes = version === null ? undefined : await this.#changesAfter(version, bounds.current, { oldest: bounds.oldest, caller });
      if (version === null || changes === undefined) {
        for await (const { version: read, payload } of this.#readingFor(caller.organisationIds).parts()) {
          yield frame('SNAPSHOT', read, payload);
          version = read;
        }
      } else if (bounds.current !== version) {
        yield frame('DELTA', bounds.current, { from: version, changes });
        version = bounds.current;
      } else if (silentMillis >= HEARTBEAT_MILLIS) {
        yield frame('HEARTBEAT', version, {});
      } else {
        await this.#notifications.nextAfter(CONFIG_CHANNEL, heard, HEARTBEAT_MILLIS - silentMillis, signal);
        continue;
      }
      lastFrameAt = this.#clock.elapsed();
      await pause(DELTA_GAP_MILLIS, signal);
    }
  }

  async #bounds(caller: DataPlaneCaller): Promise<Bounds> {
    const [row] = await this.#em.fork().execute(
      `select (select version::text from config_version) as current, (select min(version)::text from config_changes) as oldest,
              exists (select from data_plane_tokens where id = ? and revoked_at is null) as allowed`,
      [caller.tokenId],
    );
    return boundsSchema.parse(row);
  }

  /** Everything after a version, in its order and as it was written; undefined when the way from there is not known any more, or never was. */
  async #changesAfter(
    version: string,
    current: string,
    { oldest, caller }: { readonly oldest: string | null; readonly caller: DataPlaneCaller },
  ): Promise<unknown[] | undefined> {
    if (current === version) return [];
    // A version ahead of ours comes from a database that has since been put back: only a snapshot helps.
    const isKnown = BigInt(version) < BigInt(current) && oldest !== null && BigInt(oldest) <= BigInt(version) + 1n;
    if (!isKnown) return undefined;
    const rows = rowsSchema.parse(
      await this.#em.fork().execute(
        `select change from config_changes
         where version > ? and version <= ? and (organisation_id is null or ?::boolean or organisation_id = any (?::text[]))
         order by version, position limit ?`,
        [version, current, caller.organisationIds === null, `{${(caller.organisationIds ?? []).join(',')}}`, CHANGES_MAX + 1],
      ),
    );
    return rows.length > CHANGES_MAX ? undefined : rows.map(({ change }) => change);
  }

  /** Joins a reading that is under way; what was committed since it began follows as a delta. */
  #readingFor(organisationIds: readonly string[] | null): SnapshotReading {
    const scope = JSON.stringify(organisationIds);
    const underWay = this.#readings.get(scope);
    if (underWay !== undefined) return underWay;
    const reading = new SnapshotReading();
    this.#readings.set(scope, reading);
    buildSnapshot(this.#em, organisationIds, reading)
      .then(
        () => reading.complete(),
        (error: unknown) => reading.fail(error),
      )
      .finally(() => this.#readings.delete(scope));
    return reading;
  }
}

function frame(kind: ConfigFrame['kind'], version: string, payload: unknown): ConfigFrame {
  return { kind, version, payload, checksum: checksumOfFrame(version, kind, payload) };
}

async function pause(millis: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(millis, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
