/** A sign-in that is under way: whoever comes back from the authorisation server with its state finds it once. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { SealedSecret } from '../../shared/sealed-secret.ts';
import { tenantFilter } from '../database/tenant-filter.ts';
import type { Registration } from './registration.ts';

export const OauthFlowEntity = defineEntity({
  name: 'OauthFlow',
  tableName: 'oauth_flows',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    mcpServerId: p.string(),
    /** Whose connection it will be; null for one of the whole organisation. */
    userId: p.string().nullable(),
    /** Of how the server was to be signed in to: when that has changed, so has what was asked for. */
    authDigest: p.string(),
    stateHash: p.string(),
    actorKind: p.string().$type<'ADMIN_TOKEN' | 'USER'>(),
    actorId: p.string(),
    /** Of a person: the browser that comes back must be signed in with it. */
    sessionId: p.string().nullable(),
    verifier: p.json<SealedSecret>(),
    redirectUri: p.text(),
    registration: p.json<FlowRegistration>(),
    expiresAt: p.datetime(),
  },
});
export type OauthFlow = InferEntity<typeof OauthFlowEntity>;

export interface FlowRegistration extends Registration {
  /** Whether the authorisation server promises to say who it is (RFC 9207). */
  readonly namesIssuer: boolean;
}
