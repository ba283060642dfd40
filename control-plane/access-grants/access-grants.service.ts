/** The rules of grants: one for each key and server of the same organisation. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { GraphQLResolveInfo } from 'graphql/index.js';
import type { ConfigChange, ConfigUpsert } from '../../shared/config-document.ts';
import { newId } from '../../shared/ids.ts';
import { ApiKeyEntity } from '../api-keys/api-key.entity.ts';
import { audit } from '../audit/audit.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import type { Connection, Page } from '../graphql/connection.ts';
import { notFound } from '../graphql/input-refused.ts';
import { pageOf } from '../graphql/paged-query.ts';
import { McpServerEntity } from '../mcp-servers/mcp-server.entity.ts';
import type { AdminContext } from '../request-context.ts';
import { upsertOfAccessGrant } from './access-grant.document.ts';
import { AccessGrantEntity, type AccessGrant } from './access-grant.entity.ts';

export interface GrantInput {
  readonly apiKeyId: string;
  readonly serverId: string;
  readonly toolsAllowed: readonly string[] | null;
  readonly expiresAt: Date | null;
  readonly note: string | null;
}

export interface GrantsFilter {
  readonly apiKeyId: string | null;
  readonly serverId: string | null;
}

export interface GrantsChanged {
  readonly grants: AccessGrant[];
  readonly removedIds: string[];
}

export class AccessGrantsService {
  list(context: AdminContext, filter: GrantsFilter, page: Page, info: GraphQLResolveInfo): Promise<Connection<AccessGrant>> {
    const where = { ...(filter.apiKeyId === null ? {} : { apiKeyId: filter.apiKeyId }), ...(filter.serverId === null ? {} : { mcpServerId: filter.serverId }) };
    const { em } = context;
    return pageOf({ find: (behind, options) => em.find(AccessGrantEntity, { ...where, ...behind }, options), count: () => em.count(AccessGrantEntity, where) }, page, info);
  }

  /** All of it or nothing: an id that does not exist refuses the whole change. A dry run is rolled back. */
  async set(context: AdminContext, input: { add: readonly GrantInput[]; remove: readonly string[]; dryRun: boolean }): Promise<GrantsChanged> {
    const em = context.em.fork();
    await em.begin();
    try {
      const changed = await this.#change(em, context, input);
      if (input.dryRun) await em.rollback();
      else await em.commit();
      return changed;
    } catch (error) {
      await em.rollback();
      throw error;
    }
  }

  /** Writes one grant within the caller's transaction; a grant that exists is changed. The caller appends the configuration change. */
  async put(em: EntityManager, context: AdminContext, input: GrantInput): Promise<ConfigUpsert> {
    return upsertOfAccessGrant(await this.#put(em, context, input));
  }

  async #change(em: EntityManager, context: AdminContext, input: { add: readonly GrantInput[]; remove: readonly string[] }): Promise<GrantsChanged> {
    const changes: ConfigChange[] = [];
    for (const id of input.remove) {
      const grant = await em.findOne(AccessGrantEntity, { id });
      if (grant === null) throw notFound('remove', 'grant');
      audit(em, context, { action: 'removeGrant', targetId: id, targetLabel: `${grant.apiKeyId} → ${grant.mcpServerId}`, before: { ...grant }, after: null });
      em.remove(grant);
      changes.push({ op: 'remove', kind: 'accessGrant', id });
    }
    const grants: AccessGrant[] = [];
    for (const grant of input.add) grants.push(await this.#put(em, context, grant));
    changes.push(...grants.map(upsertOfAccessGrant));
    if (changes.length > 0) await appendConfigChanges(em, changes);
    return { grants, removedIds: [...input.remove] };
  }

  async #put(em: EntityManager, context: AdminContext, input: GrantInput): Promise<AccessGrant> {
    if ((await em.count(ApiKeyEntity, { id: input.apiKeyId })) === 0) throw notFound('apiKeyId', 'API key');
    if ((await em.count(McpServerEntity, { id: input.serverId })) === 0) throw notFound('serverId', 'server');
    const existing = await em.findOne(AccessGrantEntity, { apiKeyId: input.apiKeyId, mcpServerId: input.serverId });
    const before = existing === null ? null : { ...existing };
    const terms = { toolsAllowed: input.toolsAllowed === null ? null : [...input.toolsAllowed], expiresAt: input.expiresAt, note: input.note };
    const grant =
      existing ?? em.create(AccessGrantEntity, { id: newId('accessGrant'), organisationId: context.caller.organisationId, apiKeyId: input.apiKeyId, mcpServerId: input.serverId, ...terms });
    if (existing !== null) em.assign(existing, terms);
    audit(em, context, { action: 'setGrant', targetId: grant.id, targetLabel: `${grant.apiKeyId} → ${grant.mcpServerId}`, before, after: { ...grant } });
    return grant;
  }
}
