/** What is known of the data planes: they say hello, acknowledge versions, and are listed. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { newId } from '../../shared/ids.ts';
import type { DataPlaneCaller } from '../access/caller.ts';
import { notFound, parseInput } from '../graphql/input-refused.ts';
import { DataPlaneTokenEntity } from '../access/tokens.entity.ts';
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
const versionNumberSchema = z.string().regex(/^\d{1,19}$/, 'must be a version of the configuration');

const helloSchema = z.object({
  name: z.string().min(1).max(200),
  region: z.string().max(100).nullable(),
  version: z.string().min(1).max(64),
  configVersion: versionNumberSchema,
  ready: z.boolean(),
  inFlight: z.int().nonnegative(),
  endpoints: z.array(z.string().max(500)).max(16),
});
const acknowledgementSchema = z.object({ dataPlaneId: z.string(), version: versionNumberSchema, refusedReason: z.string().max(1000).nullable() });

export const DATA_PLANES_CHANNEL = 'turnpike_data_planes';
const NOTIFY = `select pg_notify('${DATA_PLANES_CHANNEL}', '')`;

export class DataPlanesService {
  /** Registers a node by its name under its token, or notes that it is still there. */
  async hello(em: EntityManager, caller: DataPlaneCaller, given: Hello): Promise<DataPlane> {
    const hello = parseInput(helloSchema, given);
    const node = await em.upsert(
      DataPlaneEntity,
      { id: newId('dataPlane'), tokenId: caller.tokenId, ...hello, lastSeenAt: new Date() },
      { onConflictFields: ['tokenId', 'name'], onConflictExcludeFields: ['id'] },
    );
    await em.execute(NOTIFY);
    return node;
  }

  async acknowledge(em: EntityManager, caller: DataPlaneCaller, given: Acknowledgement): Promise<DataPlane> {
    const { dataPlaneId, version, refusedReason } = parseInput(acknowledgementSchema, given);
    const dataPlane = await this.find(em, caller, dataPlaneId);
    if (dataPlane === null) throw notFound('dataPlaneId', 'data plane');
    const applied = { configVersion: version, refusedVersion: null, refusedReason: null };
    const refused = { refusedVersion: version, refusedReason };
    em.assign(dataPlane, { ...(refusedReason === null ? applied : refused), lastSeenAt: new Date() });
    await em.flush();
    await em.execute(NOTIFY);
    return dataPlane;
  }

  find(em: EntityManager, caller: DataPlaneCaller, id: string): Promise<DataPlane | null> {
    return em.findOne(DataPlaneEntity, { id, tokenId: caller.tokenId });
  }

  /** The nodes that serve the organisation; those of others are not seen. */
  async list(em: EntityManager, organisationId: string): Promise<DataPlane[]> {
    const tokens = await em.find(DataPlaneTokenEntity, { $or: [{ organisationIds: null }, { organisationIds: { $contains: [organisationId] } }] });
    const since = new Date(Date.now() - FORGOTTEN_AFTER_MILLIS);
    return em.find(DataPlaneEntity, { tokenId: { $in: tokens.map(({ id }) => id) }, lastSeenAt: { $gt: since } }, { orderBy: { name: 'asc' } });
  }

  /** How many versions a node is behind; of one that is ahead, after the database was put back, none. */
  lagOf(dataPlane: DataPlane, currentVersion: string): string {
    const lag = BigInt(currentVersion) - BigInt(dataPlane.configVersion);
    return String(lag > 0n ? lag : 0n);
  }

  isReady(dataPlane: DataPlane): boolean {
    return dataPlane.ready && Date.now() - dataPlane.lastSeenAt.getTime() < SILENT_AFTER_MILLIS;
  }
}
