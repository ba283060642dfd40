/** The rules of grants: one for each key and server of the same organisation. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { z } from 'zod';
import type { ConfigChange, ConfigUpsert } from '../../shared/config-document.ts';
import { newId } from '../../shared/ids.ts';
import { ApiKeyEntity } from '../api-keys/api-key.entity.ts';
import { audit } from '../audit/audit.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { FOR_CHANGE } from '../database/version-check.ts';
import type { Connection, Page } from '../graphql/connection.ts';
import { notFound, parseInput, refuseInput } from '../graphql/input-refused.ts';
import { pageOf } from '../graphql/paged-query.ts';
import { McpServerEntity } from '../mcp-servers/mcp-server.entity.ts';
import { toolNamesSchema } from '../mcp-servers/server-rules.ts';
import { requirePermission, type AdminContext } from '../request-context.ts';
import { upsertOfAccessGrant } from './access-grant.document.ts';
import { AccessGrantEntity, type AccessGrant } from './access-grant.entity.ts';

export interface GrantInput {
  readonly apiKeyId: string;
  readonly serverId: string;
  readonly toolsAllowed: readonly string[] | null;
  readonly expiresAt: Date | null;
  readonly note: string | null;
}

export interface GrantedPair {
  readonly apiKeyId: string;
  readonly serverId: string;
}

export interface SetGrantsInput {
  readonly add: readonly GrantInput[];
  readonly remove: readonly string[];
  /** Answers what would be, and changes nothing. */
  readonly dryRun: boolean;
}

export interface GrantsFilter {
  readonly apiKeyId: string | null;
  readonly serverId: string | null;
}

export interface GrantsChanged {
  readonly grants: AccessGrant[];
  readonly removedIds: string[];
}

/** One change holds up every other one for as long as it is written. */
const GRANTS_MAX = 200;
const termsSchema = z.strictObject({
  toolsAllowed: toolNamesSchema.nullable(),
  expiresAt: z
    .date()
    .refine((date) => date.getTime() > Date.now(), 'the expiry lies in the past')
    .nullable(),
  note: z.string().max(2000).nullable(),
});

export class AccessGrantsService {
  list(context: AdminContext, filter: GrantsFilter, page: Page, info: GraphQLResolveInfo): Promise<Connection<AccessGrant>> {
    const where = { ...(filter.apiKeyId === null ? {} : { apiKeyId: filter.apiKeyId }), ...(filter.serverId === null ? {} : { mcpServerId: filter.serverId }) };
    const { em } = context;
    return pageOf(
      { find: (behind, options) => em.find(AccessGrantEntity, { ...where, ...behind }, options), count: () => em.count(AccessGrantEntity, where) },
      page,
      info,
    );
  }

  /** All of it or nothing: an id that does not exist refuses the whole change. */
  set(context: AdminContext, input: SetGrantsInput): Promise<GrantsChanged> {
    if (input.add.length + input.remove.length > GRANTS_MAX) throw refuseInput(null, 'TOO_LONG', `at most ${GRANTS_MAX} grants are changed at once`);
    return inTransaction(context.em, input, async (em) => {
      const changes: ConfigChange[] = [];
      for (const id of input.remove) changes.push(await this.#remove(em, context, id));
      const grants: AccessGrant[] = [];
      for (const [index, grant] of input.add.entries()) grants.push(await this.#put(em, context, grant, ['add', String(index)]));
      changes.push(...grants.map(upsertOfAccessGrant));
      if (changes.length > 0) await appendConfigChanges(em, changes);
      return { grants, removedIds: [...input.remove] };
    });
  }

  /** Makes plain grants within the caller's transaction, as part of making a key or a server; the caller appends their configuration changes. */
  async putAll(em: EntityManager, context: AdminContext, pairs: readonly GrantedPair[], field: string): Promise<ConfigUpsert[]> {
    if (pairs.length > 0) requirePermission(context, 'GRANT_MANAGE');
    if (pairs.length > GRANTS_MAX) throw refuseInput([field], 'TOO_LONG', `at most ${GRANTS_MAX} grants are made at once`);
    const upserts: ConfigUpsert[] = [];
    for (const pair of pairs)
      upserts.push(upsertOfAccessGrant(await this.#put(em, context, { ...pair, toolsAllowed: null, expiresAt: null, note: null }, [field])));
    return upserts;
  }

  async #remove(em: EntityManager, context: AdminContext, id: string): Promise<ConfigChange> {
    const grant = await em.findOne(AccessGrantEntity, { id }, FOR_CHANGE);
    if (grant === null) throw notFound('remove', 'grant');
    audit(em, context, { action: 'removeGrant', targetId: id, targetLabel: `${grant.apiKeyId} → ${grant.mcpServerId}`, before: { ...grant }, after: null });
    em.remove(grant);
    return { op: 'remove', kind: 'accessGrant', id };
  }

  async #put(em: EntityManager, context: AdminContext, input: GrantInput, at: readonly string[]): Promise<AccessGrant> {
    const { apiKeyId, serverId } = input;
    if ((await em.count(ApiKeyEntity, { id: apiKeyId })) === 0) throw notFound([...at, 'apiKeyId'], 'API key');
    if ((await em.count(McpServerEntity, { id: serverId })) === 0) throw notFound([...at, 'serverId'], 'server');
    const terms = parseInput(termsSchema, { toolsAllowed: input.toolsAllowed, expiresAt: input.expiresAt, note: input.note }, at);
    const existing = await em.findOne(AccessGrantEntity, { apiKeyId, mcpServerId: serverId }, FOR_CHANGE);
    const before = existing === null ? null : { ...existing };
    const grant =
      existing ??
      em.create(AccessGrantEntity, {
        id: newId('accessGrant'),
        organisationId: context.caller.organisationId,
        apiKeyId,
        mcpServerId: serverId,
        createdBy: context.caller.actor.id,
        createdAt: new Date(),
        ...terms,
      });
    if (existing !== null) em.assign(existing, terms);
    audit(em, context, { action: 'setGrant', targetId: grant.id, targetLabel: `${apiKeyId} → ${serverId}`, before, after: { ...grant } });
    return grant;
  }
}
