/** What an authorisation server that lets clients register themselves knows an organisation's Turnpike as. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { SealedSecret } from '../../shared/sealed-secret.ts';
import { tenantFilter } from '../database/tenant-filter.ts';
import type { ClientAuthMethod } from './registration.ts';

export const OauthClientEntity = defineEntity({
  name: 'OauthClient',
  tableName: 'oauth_clients',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    issuer: p.text(),
    redirectUri: p.text(),
    clientId: p.text(),
    clientSecret: p.json<SealedSecret>().nullable(),
    method: p.string().$type<ClientAuthMethod>(),
    createdAt: p.datetime().defaultRaw('now()'),
  },
});
export type OauthClient = InferEntity<typeof OauthClientEntity>;
