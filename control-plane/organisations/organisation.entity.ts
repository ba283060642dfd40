/** The organisation as it is stored: the tenant boundary. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { UnknownClients } from '../../shared/agent.ts';
import type { SemanticFilter } from '../../shared/content-filter/semantic-filter.ts';
import type { DenialStyle } from '../../shared/mcp-server.ts';

export const OrganisationEntity = defineEntity({
  name: 'Organisation',
  tableName: 'organisations',
  properties: {
    id: p.string().primary(),
    slug: p.string(),
    name: p.string(),
    denialStyle: p.string().$type<DenialStyle>().default('AUTO'),
    unknownClients: p.string().$type<UnknownClients>().default('ALLOW'),
    semanticFilter: p.json<SemanticFilter>().nullable(),
    version: p.integer().default(1),
    createdAt: p.datetime().defaultRaw('now()'),
    updatedAt: p.datetime().defaultRaw('now()'),
  },
});
export type Organisation = InferEntity<typeof OrganisationEntity>;
