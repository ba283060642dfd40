/** What a resolver may know of the request: who asks, in which unit of work, and the services that do the work. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { AdminCaller, Caller, DataPlaneCaller } from './access/caller.ts';
import type { Permission } from './access/permissions.ts';
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

/** Puts the entity manager behind the tenant filter of an administrator; a data plane's sees no filtered entity at all. */
export function withTenant(em: EntityManager, caller: Caller): EntityManager {
  em.setFilterParams(TENANT_FILTER, { organisationId: organisationIdOf(caller) });
  return em;
}

/** Of whoever is no administrator, that of nobody. */
export function organisationIdOf(caller: Caller): string {
  return caller.kind === 'admin' ? caller.organisationId : '';
}
