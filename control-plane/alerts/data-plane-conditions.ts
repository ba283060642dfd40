/** What is to be told of the data planes that serve an organisation: those that fell silent, or obey an old configuration. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { DataPlanesService } from '../data-planes/data-planes.service.ts';
import type { AlertCondition } from './alert-condition.ts';

/** Longer than a node needs to come back from an interruption. */
const SILENT_MILLIS = 30_000;

/** A node that took leave before, as one does that is being ended, is missed by nobody. */
export async function dataPlaneConditions(em: EntityManager, organisationId: string, dataPlanes: DataPlanesService): Promise<AlertCondition[]> {
  const now = Date.now();
  return (await dataPlanes.list(em, organisationId)).flatMap((node): AlertCondition[] => {
    const told = { kind: 'DATA_PLANE_STALE', severity: 'CRITICAL', targetId: node.id } as const;
    const { name, lastSeenAt, refusedVersion, refusedReason } = node;
    if (node.ready && now - lastSeenAt.getTime() > SILENT_MILLIS)
      return [{ ...told, title: `nothing is heard of the data plane ${name}`, detail: { lastSeenAt: lastSeenAt.toISOString() } }];
    if (refusedVersion == null) return [];
    return [{ ...told, title: `the data plane ${name} refuses the configuration`, detail: { refusedVersion, refusedReason: refusedReason ?? null } }];
  });
}
