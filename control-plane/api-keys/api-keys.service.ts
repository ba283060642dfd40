/** The rules of virtual keys: shown once, stored as keyed hashes, rotated with grace, revoked for good. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { newId } from '../../shared/ids.ts';
import { mintToken, type TokenHasher } from '../../shared/token.ts';
import type { AccessGrantsService } from '../access-grants/access-grants.service.ts';
import { audit } from '../audit/audit.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import type { Connection, Page } from '../graphql/connection.ts';
import { FOR_CHANGE, requireVersion } from '../database/version-check.ts';
import { notFound, refuseInput } from '../graphql/input-refused.ts';
import { readName } from '../graphql/names.ts';
import { pageOf } from '../graphql/paged-query.ts';
import type { PoliciesService } from '../policies/policies.service.ts';
import type { AdminContext } from '../request-context.ts';
import { TeamEntity } from '../teams/team.entity.ts';
import { upsertOfApiKey } from './api-key.document.ts';
import { ApiKeyEntity, type ApiKey } from './api-key.entity.ts';

export interface CreateApiKeyInput {
  readonly name: string;
  readonly type: 'ORGANISATION' | 'TEAM';
  readonly ownerId: string | null;
  readonly expiresAt: Date | null;
  readonly grantServerIds: readonly string[];
  readonly policy: unknown;
  readonly denialStyle: ApiKey['denialStyle'];
  readonly metadata: Record<string, unknown>;
}

/** The only place where a key's secret ever is, beside its holder's. */
export interface KeyWithSecret {
  readonly apiKey: ApiKey;
  readonly secret: string;
}

const GRACE_SECONDS_MAX = 30 * 86_400;

export class ApiKeysService {
  readonly #hasher: TokenHasher;
  readonly #grants: AccessGrantsService;
  readonly #policies: PoliciesService;

  constructor(parts: { hasher: TokenHasher; grants: AccessGrantsService; policies: PoliciesService }) {
    this.#hasher = parts.hasher;
    this.#grants = parts.grants;
    this.#policies = parts.policies;
  }

  list(context: AdminContext, page: Page, info: GraphQLResolveInfo): Promise<Connection<ApiKey>> {
    const { em } = context;
    return pageOf({ find: (where, options) => em.find(ApiKeyEntity, where, options), count: () => em.count(ApiKeyEntity) }, page, info);
  }

  find(context: AdminContext, id: string): Promise<ApiKey | null> {
    return context.em.findOne(ApiKeyEntity, { id });
  }

  create(context: AdminContext, input: CreateApiKeyInput): Promise<KeyWithSecret> {
    const { token, prefix } = mintToken('apiKey');
    return context.em.transactional(async (em) => {
      const name = readName(input.name);
      if (input.expiresAt !== null && input.expiresAt.getTime() <= Date.now()) throw refuseInput(['expiresAt'], 'OUT_OF_RANGE', 'the expiry lies in the past');
      const teamId = await teamOf(em, context, input);
      const apiKey = em.create(ApiKeyEntity, {
        id: newId('apiKey'),
        organisationId: context.caller.organisationId,
        type: input.type,
        name,
        prefix,
        hash: this.#hasher.hash(token),
        teamId,
        expiresAt: input.expiresAt,
        denialStyle: input.denialStyle ?? null,
        metadata: input.metadata,
      });
      await em.flush();
      audit(em, context, { action: 'createApiKey', targetId: apiKey.id, targetLabel: prefix, before: null, after: shown(apiKey) });
      const changes = [upsertOfApiKey(apiKey)];
      if (input.policy != null) changes.push(await this.#policies.put(em, context, { scope: 'API_KEY', ownerId: apiKey.id, policies: input.policy }));
      const pairs = [...new Set(input.grantServerIds)].map((serverId) => ({ apiKeyId: apiKey.id, serverId }));
      changes.push(...(await this.#grants.putAll(em, context, pairs, 'grantServerIds')));
      await appendConfigChanges(em, changes);
      return { apiKey, secret: token };
    });
  }

  /** The old secret works until the grace is over; a second rotation ends the first one's grace. */
  async rotate(context: AdminContext, { id, graceSeconds }: { id: string; graceSeconds: number }): Promise<KeyWithSecret> {
    const { token, prefix } = mintToken('apiKey');
    const apiKey = await this.#change(context, id, 'rotateApiKey', (current) => {
      if (graceSeconds < 0 || graceSeconds > GRACE_SECONDS_MAX) {
        throw refuseInput(['graceSeconds'], 'OUT_OF_RANGE', `the grace must be between 0 and ${GRACE_SECONDS_MAX} seconds`);
      }
      if (current.state === 'REVOKED') throw refuseInput(['id'], 'ALREADY_REVOKED', 'a revoked key cannot be rotated', 'create a new key');
      return {
        previousPrefix: current.prefix,
        previousHash: current.hash,
        graceUntil: new Date(Date.now() + graceSeconds * 1000),
        prefix,
        hash: this.#hasher.hash(token),
      };
    });
    return { apiKey, secret: token };
  }

  revoke(context: AdminContext, id: string, expectedVersion: number | null): Promise<ApiKey> {
    return this.#change(context, id, 'revokeApiKey', (apiKey) => {
      requireVersion(apiKey, expectedVersion, 'key');
      if (apiKey.state === 'REVOKED') throw refuseInput(['id'], 'ALREADY_REVOKED', 'the key is revoked already');
      return { state: 'REVOKED', revokedAt: new Date() };
    });
  }

  #change(context: AdminContext, id: string, action: string, decide: (apiKey: ApiKey) => Partial<ApiKey>): Promise<ApiKey> {
    return context.em.transactional(async (em) => {
      const apiKey = await em.findOne(ApiKeyEntity, { id }, FOR_CHANGE);
      if (apiKey === null) throw notFound('id', 'API key');
      const before = shown(apiKey);
      em.assign(apiKey, { ...decide(apiKey), version: apiKey.version + 1, updatedAt: new Date() });
      audit(em, context, { action, targetId: apiKey.id, targetLabel: apiKey.prefix, before, after: shown(apiKey) });
      await appendConfigChanges(em, [upsertOfApiKey(apiKey)]);
      return apiKey;
    });
  }
}

/** The team of a team's key; null for the organisation's. An owner that does not fit the type is refused rather than ignored. */
async function teamOf(em: EntityManager, context: AdminContext, { type, ownerId }: CreateApiKeyInput): Promise<string | null> {
  if (type === 'ORGANISATION') {
    if (ownerId === null || ownerId === context.caller.organisationId) return null;
    throw notFound('ownerId', 'organisation');
  }
  if (ownerId === null) throw refuseInput(['ownerId'], 'REQUIRED', 'a key of a team needs its team');
  if ((await em.count(TeamEntity, { id: ownerId })) === 0) throw notFound('ownerId', 'team');
  return ownerId;
}

/** What the audit trail keeps: everything but the hashes. */
function shown(apiKey: ApiKey): Record<string, unknown> {
  const { hash: _hash, previousHash: _previousHash, ...rest } = { ...apiKey };
  return rest;
}
