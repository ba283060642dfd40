/** The account of a person as it is stored: of one organisation, with a password that is kept as its hash alone. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import { tenantFilter } from '../database/tenant-filter.ts';

export const UserEntity = defineEntity({
  name: 'User',
  tableName: 'users',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    /** In lower case. */
    email: p.string(),
    name: p.string(),
    /** Null when nobody can sign in with one: the person was removed, or comes by the identity provider. */
    passwordHash: p.string().nullable(),
    /** Whom the identity provider knows the person as, from the first time that he comes that way. */
    providerSubject: p.string().nullable(),
    createdAt: p.datetime().defaultRaw('now()'),
    updatedAt: p.datetime().defaultRaw('now()'),
  },
});
export type User = InferEntity<typeof UserEntity>;
