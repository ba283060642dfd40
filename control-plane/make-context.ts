/** Makes the context of one operation: who asks, and a unit of work of its own behind the caller's tenant filter. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EntityManager } from '@mikro-orm/postgresql';
import { newId } from '../shared/ids.ts';
import type { TokenHasher } from '../shared/token.ts';
import { authenticate, NO_CREDENTIALS, type Credentials } from './access/authenticate.ts';
import { acrossOrganisations } from './database/roles.ts';
import { makeLoaders } from './graphql/loaders.ts';
import { organisationOf, withTenant, type RequestContext, type VisitorContext } from './request-context.ts';
import type { Services } from './services.ts';
import type { HostCookie } from './sessions/host-cookie.ts';
import { httpSide, type HttpSide } from './sessions/http-side.ts';
import { noteUse } from './sessions/session-life.ts';

export interface ContextParts {
  readonly em: EntityManager;
  readonly services: Services;
  readonly hasher: TokenHasher;
  readonly gatewayUrl: string;
  readonly sessionCookie: HostCookie;
}

export async function makeContext(parts: ContextParts, credentials: Credentials, http?: HttpSide): Promise<RequestContext> {
  const caller = await authenticate(credentials, acrossOrganisations(parts.em), parts.hasher);
  const em = withTenant(parts.em, caller);
  const { services, gatewayUrl } = parts;
  const loaders = makeLoaders(em, organisationOf(caller), services);
  return { requestId: newId('request'), claim: undefined, caller, em, loaders, services, gatewayUrl, http };
}

/** What a socket asks again and again by itself is no use of a session; a request is. */
export async function contextOfRequest(parts: ContextParts, request: IncomingMessage, response: ServerResponse): Promise<RequestContext> {
  const http = httpSide(request, response, parts.sessionCookie);
  const context = await makeContext(parts, { authorization: request.headers.authorization, session: http.session }, http);
  if (context.caller.kind === 'admin' && context.caller.actor.kind === 'USER') await noteUse(context.em, context.caller.actor.sessionId);
  return context;
}

/** For whoever comes to be signed in: who he is already does not matter, and whose organisation it is, what he shows will tell. */
export async function contextOfVisitor(parts: ContextParts, request: IncomingMessage, response: ServerResponse): Promise<VisitorContext> {
  const http = httpSide(request, response, parts.sessionCookie);
  return { ...(await makeContext(parts, NO_CREDENTIALS, http)), em: acrossOrganisations(parts.em), http };
}
