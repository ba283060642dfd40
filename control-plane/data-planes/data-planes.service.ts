/** What is known of the data planes: they say hello, acknowledge versions, and are listed. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { newId } from '../../shared/ids.ts';
import type { DataPlaneCaller } from '../access/caller.ts';
import { notFound } from '../graphql/input-refused.ts';
import { DataPlaneEntity, type DataPlane } from './data-plane.entity.ts';

export interface Hello {
  readonly name: string;
  readonly region: string | null;
  readonly version: string;
  readonly configVersion: string;
  readonly ready: boolean;
  readonly inFlight: number;
  readonly endpoints: readonly string[];
}

export interface Acknowledgement {
  readonly dataPlaneId: string;
  readonly version: string;
  /** Set when the version was not applied, with what the node found wrong with it. */
  readonly refusedReason: string | null;
}

/** A node that has not been heard of for this long is forgotten. */
const FORGOTTEN_AFTER_MILLIS = 24 * 3_600_000;
const SILENT_AFTER_MILLIS = 15_000;
const versionSchema = z.object({ version: z.string() });

export class DataPlanesService {
  /** Registers a node by its name under its token, or notes that it is still there. */
  async hello(em: EntityManager, caller: DataPlaneCaller, hello: Hello): Promise<DataPlane> {
    const existing = await em.findOne(DataPlaneEntity, { tokenId: caller.tokenId, name: hello.name });
    const state = { ...hello, endpoints: [...hello.endpoints], lastSeenAt: new Date() };
    if (existing !== null) {
      em.assign(existing, state);
      await em.flush();
      return existing;
    }
    const dataPlane = em.create(DataPlaneEntity, { id: newId('dataPlane'), tokenId: caller.tokenId, ...state });
    await em.flush();
    return dataPlane;
  }

  async acknowledge(em: EntityManager, caller: DataPlaneCaller, given: Acknowledgement): Promise<DataPlane> {
    const dataPlane = await this.find(em, caller, given.dataPlaneId);
    if (dataPlane === null) throw notFound('dataPlaneId', 'data plane');
    const applied = { configVersion: given.version, refusedVersion: null, refusedReason: null };
    const refused = { refusedVersion: given.version, refusedReason: given.refusedReason };
    em.assign(dataPlane, { ...(given.refusedReason === null ? applied : refused), lastSeenAt: new Date() });
    await em.flush();
    return dataPlane;
  }

  find(em: EntityManager, caller: DataPlaneCaller, id: string): Promise<DataPlane | null> {
    return em.findOne(DataPlaneEntity, { id, tokenId: caller.tokenId });
  }

  list(em: EntityManager): Promise<DataPlane[]> {
    return em.find(DataPlaneEntity, { lastSeenAt: { $gt: new Date(Date.now() - FORGOTTEN_AFTER_MILLIS) } }, { orderBy: { name: 'asc' } });
  }

  /** How many versions a node is behind; of one that is ahead, after the database was put back, none. */
  async lagOf(em: EntityManager, dataPlane: DataPlane): Promise<string> {
    const [row] = await em.execute('select version::text as version from config_version');
    const lag = BigInt(versionSchema.parse(row).version) - BigInt(dataPlane.configVersion);
    return String(lag > 0n ? lag : 0n);
  }

  isReady(dataPlane: DataPlane): boolean {
    return dataPlane.ready && Date.now() - dataPlane.lastSeenAt.getTime() < SILENT_AFTER_MILLIS;
  }
}
