/** A connection to an authorisation server as it is stored: what tokens for one MCP server come by, for the organisation or for one of its people. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { SealedSecret } from '../../shared/sealed-secret.ts';
import { tenantFilter } from '../database/tenant-filter.ts';
import type { Registration } from './registration.ts';

/**
 * CONNECTED: there are tokens. NOT_CONNECTED: there is none yet. FAILING: the authorisation server gives none at present, and is asked again.
 * SIGN_IN_EXPIRED: it gives no further ones until somebody signs in anew. NEEDS_SIGN_IN: nobody has, so there is no connection.
 */
export type ConnectionState = 'NOT_CONNECTED' | 'CONNECTED' | 'FAILING' | 'SIGN_IN_EXPIRED' | 'NEEDS_SIGN_IN';

export const UpstreamConnectionEntity = defineEntity({
  name: 'UpstreamConnection',
  tableName: 'upstream_connections',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    mcpServerId: p.string(),
    /** Null for the connection of the whole organisation. */
    userId: p.string().nullable(),
    state: p.string().$type<ConnectionState>(),
    /** How many tokens it has brought. */
    generation: p.integer().default(0),
    accessToken: p.json<SealedSecret>().nullable(),
    refreshToken: p.json<SealedSecret>().nullable(),
    /** Of the access token. */
    expiresAt: p.datetime().nullable(),
    fetchedAt: p.datetime().nullable(),
    /** When the next token is due; null when none will come by itself. */
    refreshDueAt: p.datetime().nullable(),
    /** Until then one replica is getting a token, and nobody else is. */
    claimedUntil: p.datetime().nullable(),
    /** Which claim that is. */
    claim: p.string().nullable(),
    /** Since the last token. */
    failures: p.integer().default(0),
    /** Why the last try failed, for people. */
    error: p.text().nullable(),
    /** Where a sign-in has led to; null where the server's own configuration says it. */
    registration: p.json<Registration>().nullable(),
    /** Whom the authorisation server says that it is. */
    subject: p.string().nullable(),
    scopes: p.json<string[]>(),
    /** Who signed in. */
    connectedBy: p.string().nullable(),
    createdAt: p.datetime().defaultRaw('now()'),
    updatedAt: p.datetime().defaultRaw('now()'),
  },
});
export type UpstreamConnection = InferEntity<typeof UpstreamConnectionEntity>;
