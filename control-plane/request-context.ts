/** What a resolver may know of the request: who asks, in which unit of work, and the services that do the work. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { AdminCaller, Caller, DataPlaneCaller } from './access/caller.ts';
import type { Permission } from './access/permissions.ts';
import { withinOrganisation } from './database/roles.ts';
import { TENANT_FILTER } from './database/tenant-filter.ts';
import { forbidden, unauthenticated } from './graphql/errors.ts';
import type { Loaders } from './graphql/loaders.ts';
import type { Services } from './services.ts';

export interface RequestContext {
  readonly requestId: string;
  readonly caller: Caller;
  /** Forked for the request; for an administrator it sees one organisation only. */
  readonly em: EntityManager;
  readonly loaders: Loaders;
  readonly services: Services;
  /** Where agents reach the gateway. */
  readonly gatewayUrl: string;
}

/** A request of an administrator who may do what it asks for. Services take this, so none can be reached without the check. */
export interface AdminContext extends RequestContext {
  readonly caller: AdminCaller;
}

export function asAdmin(context: RequestContext, permission?: Permission): AdminContext {
  const { caller } = context;
  if (caller.kind === 'anonymous') throw unauthenticated(caller.why);
  if (caller.kind !== 'admin') throw forbidden('administrator');
  if (permission !== undefined && !caller.permissions.has(permission)) throw forbidden(permission);
  return { ...context, caller };
}

/** For work that is part of another: a token may give away in passing only what it may give away by itself. */
export function requirePermission({ caller }: AdminContext, permission: Permission): void {
  if (!caller.permissions.has(permission)) throw forbidden(permission);
}

export function asDataPlane(context: RequestContext): DataPlaneCaller {
  const { caller } = context;
  if (caller.kind === 'anonymous') throw unauthenticated(caller.why);
  if (caller.kind !== 'dataPlane') throw forbidden('data plane');
  return caller;
}

/** An entity manager behind the tenant filter of an administrator, and behind PostgreSQL's own; a data plane's sees nothing of any organisation. */
export function withTenant(em: EntityManager, caller: Caller): EntityManager {
  const organisationId = organisationOf(caller);
  const tenant = withinOrganisation(em, organisationId);
  tenant.setFilterParams(TENANT_FILTER, { organisationId });
  return tenant;
}

/** The one whose objects the caller may see; empty, which is no organisation, for whoever may see none. */
export function organisationOf(caller: Caller): string {
  return caller.kind === 'admin' ? caller.organisationId : '';
}
