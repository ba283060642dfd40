/** What a resolver may know of the request: who asks, in which unit of work, and the services that do the work. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { AdminCaller, Caller, DataPlaneCaller, UserCaller } from './access/caller.ts';
import type { Permission } from './access/permissions.ts';
import { acrossOrganisations } from './database/roles.ts';
import { insideOrganisation } from './database/tenant-filter.ts';
import { badInput, forbidden, noForgery, unauthenticated } from './graphql/errors.ts';
import type { Loaders } from './graphql/loaders.ts';
import type { Claim } from './idempotency/claim.ts';
import type { Services } from './services.ts';
import type { HttpSide } from './sessions/http-side.ts';

export interface RequestContext {
  readonly requestId: string;
  /** Of a change that may be sent again. */
  readonly claim: Claim | undefined;
  readonly caller: Caller;
  /** Forked for the request; for an administrator it sees one organisation only. */
  readonly em: EntityManager;
  readonly loaders: Loaders;
  readonly services: Services;
  /** Where agents reach the gateway. */
  readonly gatewayUrl: string;
  /** Undefined over a WebSocket, where no cookie can be set. */
  readonly http: HttpSide | undefined;
}

/** A request of an administrator who may do what it asks for. Services take this, so none can be reached without the check. */
export interface AdminContext extends RequestContext {
  readonly caller: AdminCaller;
}

/** What reading of one organisation needs, whoever asked for it. */
export interface TenantReader {
  readonly em: EntityManager;
  readonly caller: Pick<AdminCaller, 'organisationId'>;
}

/** A request of a person who has signed in. */
export interface UserContext extends AdminContext {
  readonly caller: UserCaller;
}

/** A request that may sign somebody in, whoever sends it. */
export interface VisitorContext extends RequestContext {
  readonly http: HttpSide;
}

export function asAdmin(context: RequestContext, permission?: Permission): AdminContext {
  const { caller } = context;
  if (caller.kind === 'anonymous') throw unauthenticated(caller.why);
  if (caller.kind !== 'admin') throw forbidden('administrator');
  if (permission !== undefined && !caller.permissions.has(permission)) throw forbidden(permission);
  return { ...context, caller };
}

export function asUser(context: RequestContext): UserContext {
  const { caller, ...rest } = asAdmin(context);
  const { actor } = caller;
  if (actor.kind !== 'USER') throw forbidden('a person who has signed in');
  return { ...rest, caller: { ...caller, actor } };
}

/**
 * Whose organisation it is, what he shows will tell. Nobody may be signed in by another site's page either, unaware of whose account it is. The
 * answer sets a cookie, which is not kept for whoever asks again.
 */
export function asVisitor(context: RequestContext): VisitorContext {
  const { http } = context;
  if (http === undefined) throw badInput('this sets a cookie, and so goes over HTTP');
  if (context.claim !== undefined) throw badInput('this sets a cookie, and so takes no Idempotency-Key');
  if (!http.hasCsrfHeader) throw noForgery();
  return { ...context, em: acrossOrganisations(context.em), http };
}

/** A mutation in the name of a session must show that a page of ours sends it; a browser adds the cookie to requests of any page. */
export function requireNoForgery({ caller, http }: RequestContext): void {
  if (caller.kind === 'admin' && caller.actor.kind === 'USER' && http?.hasCsrfHeader === false) throw noForgery();
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
  return insideOrganisation(em, organisationOf(caller));
}

/** The one whose objects the caller may see; empty, which is no organisation, for whoever may see none. */
export function organisationOf(caller: Caller): string {
  return caller.kind === 'admin' ? caller.organisationId : '';
}
