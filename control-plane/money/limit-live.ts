/** Live limits: tells when a window passes a share at which its owner wants to be warned, or anything of it moves. */
import DataLoader from 'dataloader';
import { WindowCountsUnavailable, type WindowCounts, type WindowCountsSource } from '../../shared/window-counts.ts';
import type { Notifications } from '../database/notifications.ts';
import { WakeUps } from '../live/wake-ups.ts';
import type { AdminContext } from '../request-context.ts';
import { USAGE_CHANNEL } from '../usage/usage-live.ts';
import { LimitEntity, type Limit } from './limit.entity.ts';
import type { LimitWindowType } from './limit.types.ts';
import { lookAt, type SeenWindow } from './limit-warnings.ts';
import { presentWindow } from './limit-windows.ts';

export interface LimitEvent {
  readonly limit: Limit;
  /** The highest share that was passed since the last look; null when none was. */
  readonly crossedPercent: number | null;
  readonly window: LimitWindowType;
}

/** Under load records come all the time; looking more often than this would tell nobody anything. */
const PACE_MILLIS = 250;

export class LimitLive {
  readonly #source: WindowCountsSource;
  readonly #notifications: Notifications;

  constructor(source: WindowCountsSource, notifications: Notifications) {
    this.#source = source;
    this.#notifications = notifications;
  }

  /** Begins with what is there now: only what is passed from then on is told. `ownerId` null means every owner. */
  async *follow(context: AdminContext, wanted: { ownerId: string | null; thresholdOnly: boolean }, signal: AbortSignal): AsyncGenerator<LimitEvent> {
    let seen: ReadonlyMap<string, SeenWindow> | undefined;
    const wakeUps = new WakeUps(this.#notifications, { channel: USAGE_CHANNEL, signal, paceMillis: PACE_MILLIS });
    while (await wakeUps.next()) {
      const shown = await this.#look(context, wanted.ownerId);
      if (shown === undefined) continue;
      const looked = shown.map(({ limit, window }) => ({ limit, window, ...lookAt(limit, window, seen?.get(limit.id)) }));
      const isFirst = seen === undefined;
      seen = new Map(looked.map(({ limit, now }) => [limit.id, now]));
      for (const { limit, window, crossedPercent, isMoved } of isFirst ? [] : looked) {
        if (crossedPercent !== null || (isMoved && !wanted.thresholdOnly)) yield { limit, crossedPercent, window };
      }
    }
  }

  /** Undefined while the counters do not answer: nothing is told of what nobody knows. */
  async #look({ em, caller }: AdminContext, ownerId: string | null): Promise<{ limit: Limit; window: LimitWindowType }[] | undefined> {
    const limits = await em.fork().find(LimitEntity, { active: true, ...(ownerId === null ? {} : { ownerId }) });
    const counts = new DataLoader<string, WindowCounts>((keys) => this.#source.read(caller.organisationId, keys));
    try {
      const windows = await Promise.all(limits.map((limit) => presentWindow(limit, Date.now(), counts)));
      return limits.flatMap((limit, index) => {
        const window = windows[index];
        return window == null ? [] : [{ limit, window }];
      });
    } catch (error) {
      if (error instanceof WindowCountsUnavailable) return undefined;
      throw error;
    }
  }
}
