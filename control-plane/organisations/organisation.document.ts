/** Turns a stored organisation into what the data planes obey. */
import type { ConfigUpsert } from '../../shared/config-document.ts';
import type { Organisation } from './organisation.entity.ts';

export function upsertOfOrganisation({ id, slug, denialStyle, unknownClients, semanticFilter }: Organisation): ConfigUpsert {
  return { op: 'upsert', kind: 'organisation', value: { id, slug, denialStyle, unknownClients, semanticFilter: semanticFilter ?? null } };
}
