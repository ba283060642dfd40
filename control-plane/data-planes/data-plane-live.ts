/** Live data planes: tells of a node when something of it changed that anybody would want to know. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Notifications } from '../database/notifications.ts';
import { WakeUps } from '../live/wake-ups.ts';
import type { DataPlane } from './data-plane.entity.ts';
import { DATA_PLANES_CHANNEL, type DataPlanesService } from './data-planes.service.ts';

/** Nodes say how they are all the time; looking more often than this would tell nobody anything. */
const PACE_MILLIS = 250;

export class DataPlaneLive {
  readonly #dataPlanes: DataPlanesService;
  readonly #notifications: Pick<Notifications, 'count' | 'nextAfter'>;

  constructor(dataPlanes: DataPlanesService, notifications: Pick<Notifications, 'count' | 'nextAfter'>) {
    this.#dataPlanes = dataPlanes;
    this.#notifications = notifications;
  }

  /** Begins with what is there now: only what changes from then on is told. That a node fell silent is seen by looking, since nobody says so. */
  async *follow(em: EntityManager, organisationId: string, signal: AbortSignal): AsyncGenerator<DataPlane> {
    let seen: ReadonlyMap<string, string> | undefined;
    const wakeUps = new WakeUps(this.#notifications, { channel: DATA_PLANES_CHANNEL, signal, paceMillis: PACE_MILLIS });
    while (await wakeUps.next()) {
      const nodes = await this.#dataPlanes.list(em.fork(), organisationId);
      const before = seen;
      seen = new Map(nodes.map((node) => [node.id, this.#stateOf(node)]));
      for (const node of before === undefined ? [] : nodes) if (before?.get(node.id) !== this.#stateOf(node)) yield node;
    }
  }

  /** Without what moves all the time: when it was last heard of, and how many requests are under way. */
  #stateOf(node: DataPlane): string {
    const { name, region, version, configVersion, refusedVersion, refusedReason, endpoints } = node;
    return JSON.stringify([name, region, version, configVersion, refusedVersion, refusedReason, endpoints, this.#dataPlanes.isReady(node)]);
  }
}
