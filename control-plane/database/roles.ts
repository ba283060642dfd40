/** As whom the control plane works in PostgreSQL, and so which rows it sees: those of one organisation, all of them, or none. */
import type { EntityManager } from '@mikro-orm/postgresql';

/** Every connection is of this role. It sees the rows of the organisation that its transaction names, and none while it names no one. */
export const TENANT_ROLE = 'turnpike_app';
/** Sees the rows of all organisations. */
const SYSTEM_ROLE = 'turnpike_system';
/** PostgreSQL's name for whoever has signed in, who owns the tables. */
const OWNER_ROLE = 'none';
const ORGANISATION_SETTING = 'app.organisation_id';

/** For work on what belongs to one organisation; the empty text is none. */
export function withinOrganisation(em: EntityManager, organisationId: string): EntityManager {
  return em.fork({ session: { role: TENANT_ROLE, variables: { [ORGANISATION_SETTING]: organisationId } } });
}

/** For work that is for all organisations, and for whoever is not yet known to belong to one. */
export function acrossOrganisations(em: EntityManager): EntityManager {
  return em.fork({ session: { role: SYSTEM_ROLE } });
}

/** For changes of the tables themselves. */
export function asOwner(em: EntityManager): EntityManager {
  return em.fork({ session: { role: OWNER_ROLE } });
}
