/** Finds the nouns that carry rules: one statement for each kind of them, whatever the number of rules. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { AgentEntity } from '../agents/agent.entity.ts';
import { AccessGrantEntity } from '../access-grants/access-grant.entity.ts';
import { McpServerEntity } from '../mcp-servers/mcp-server.entity.ts';
import { LimitEntity } from '../money/limit.entity.ts';
import { OrganisationEntity } from '../organisations/organisation.entity.ts';
import { PolicyEntity } from '../policies/policy.entity.ts';

export interface NamedRule {
  readonly kind: string;
  readonly id: string | null;
  readonly path: string;
}

export interface RulePlace {
  readonly label: string;
  readonly href: string;
}

type PlaceOf = (path: string) => RulePlace;
type Finder = (em: EntityManager, ids: string[]) => Promise<readonly (readonly [id: string, placeOf: PlaceOf])[]>;

/** By the first part of a path, the tab of a server's page. */
const SERVER_TABS: Readonly<Record<string, string>> = {
  allowedTools: 'tools',
  blockedTools: 'tools',
  tools: 'tools',
  grants: 'access',
  scope: 'access',
  semanticFilter: 'guardrails',
};

const FINDERS: Readonly<Record<string, Finder>> = {
  mcpServer: async (em, ids) =>
    (await em.find(McpServerEntity, { id: { $in: ids } }, { fields: ['id', 'slug'] })).map(({ id, slug }) => [
      id,
      (path) => ({ label: slug, href: `/servers/${slug}/${SERVER_TABS[path.split('.')[0] ?? ''] ?? 'general'}` }),
    ]),
  policy: async (em, ids) =>
    (await em.find(PolicyEntity, { id: { $in: ids } }, { fields: ['id', 'scope'] })).map(({ id, scope }) => [
      id,
      () => ({ label: `policy of the ${scope.toLowerCase().replaceAll('_', ' ')}`, href: `/policies?id=${id}` }),
    ]),
  limit: async (em, ids) =>
    (await em.find(LimitEntity, { id: { $in: ids } }, { fields: ['id', 'name'] })).map(({ id, name }) => [
      id,
      () => ({ label: name, href: `/limits?id=${id}` }),
    ]),
  agent: async (em, ids) =>
    (await em.find(AgentEntity, { id: { $in: ids } }, { fields: ['id', 'name'] })).map(({ id, name }) => [
      id,
      () => ({ label: name, href: `/agents?id=${id}` }),
    ]),
  organisation: async (em, ids) =>
    (await em.find(OrganisationEntity, { id: { $in: ids } }, { fields: ['id', 'name'] })).map(({ id, name }) => [
      id,
      () => ({ label: name, href: '/settings' }),
    ]),
  accessGrant: async (em, ids) =>
    (await em.find(AccessGrantEntity, { id: { $in: ids } }, { fields: ['id', 'apiKeyId'] })).map(({ id, apiKeyId }) => [
      id,
      () => ({ label: `grant of ${apiKeyId}`, href: `/access?id=${id}` }),
    ]),
};

export async function placesOfRules(em: EntityManager, rules: readonly NamedRule[]): Promise<(RulePlace | null)[]> {
  const found = new Map<string, PlaceOf>();
  for (const [kind, ofKind] of Map.groupBy(rules, (rule) => rule.kind)) {
    const ids = new Set(ofKind.flatMap(({ id }) => id ?? []));
    for (const [id, placeOf] of (await FINDERS[kind]?.(em, [...ids])) ?? []) found.set(`${kind} ${id}`, placeOf);
  }
  return rules.map(({ kind, id, path }) => found.get(`${kind} ${id}`)?.(path) ?? null);
}
