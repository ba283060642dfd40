/** The rules of virtual keys: shown once, stored as keyed hashes, rotated with grace, switched off for a while, revoked for good. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { newId } from '../../shared/ids.ts';
import { mintToken, type TokenHasher } from '../../shared/token.ts';
import type { AccessGrantsService } from '../access-grants/access-grants.service.ts';
import { audit } from '../audit/audit.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import type { Connection, Page } from '../graphql/connection.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { FOR_CHANGE, requireVersion } from '../database/version-check.ts';
import { notFound, refuseInput } from '../graphql/input-refused.ts';
import { readName } from '../graphql/names.ts';
import { pageOf } from '../graphql/paged-query.ts';
import type { PoliciesService } from '../policies/policies.service.ts';
import type { AdminContext } from '../request-context.ts';
import { upsertOfApiKey } from './api-key.document.ts';
import { ApiKeyEntity, type ApiKey } from './api-key.entity.ts';
import { extended, hasExpired, requireAhead, rotatedExpiry } from './api-key-expiry.ts';
import { conditionsOf, type ApiKeyFilter } from './api-key-filter.ts';
import { ownerOf, requireActiveOwner, requireAgent } from './api-key-owners.ts';
import { shownApiKey } from './shown-api-key.ts';

export interface CreateApiKeyInput {
  readonly name: string;
  readonly type: ApiKey['type'];
  readonly ownerId: string | null;
  readonly agentId: string | null;
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

/** What is undefined stays as it is. */
export interface UpdateApiKeyInput {
  readonly id: string;
  readonly name: string | undefined;
  readonly expiresAt: Date | null | undefined;
  readonly agentId: string | null | undefined;
  readonly denialStyle: ApiKey['denialStyle'];
  readonly metadata: Record<string, unknown> | undefined;
  readonly expectedVersion: number | null;
  /** Answers what would be, and changes nothing. */
  readonly dryRun: boolean;
}

export interface SetApiKeyDisabledInput {
  readonly id: string;
  readonly disabled: boolean;
  readonly expectedVersion: number | null;
  readonly dryRun: boolean;
}

export interface RotateApiKeyInput {
  readonly id: string;
  readonly graceSeconds: number;
  /** Undefined leaves it as it is. */
  readonly expiresAt: Date | null | undefined;
  readonly expectedVersion: number | null;
}

/** Which key, in which version, and how. */
interface Aim {
  readonly id: string;
  readonly expectedVersion: number | null;
  readonly dryRun?: boolean;
}

export class ApiKeysService {
  readonly #hasher: TokenHasher;
  readonly #grants: AccessGrantsService;
  readonly #policies: PoliciesService;

  constructor(parts: { hasher: TokenHasher; grants: AccessGrantsService; policies: PoliciesService }) {
    this.#hasher = parts.hasher;
    this.#grants = parts.grants;
    this.#policies = parts.policies;
  }

  list(context: AdminContext, filter: ApiKeyFilter, page: Page, info: GraphQLResolveInfo): Promise<Connection<ApiKey>> {
    const { em } = context;
    const now = new Date();
    const list = {
      find: (behind: { id?: { $gt: string } }, options: { orderBy: { id: 'asc' }; limit: number }) =>
        em.find(ApiKeyEntity, { $and: [conditionsOf(filter, now), behind] }, options),
      count: () => em.count(ApiKeyEntity, conditionsOf(filter, now)),
    };
    return pageOf(list, page, info);
  }

  find(context: AdminContext, id: string): Promise<ApiKey | null> {
    return context.em.findOne(ApiKeyEntity, { id });
  }

  create(context: AdminContext, input: CreateApiKeyInput): Promise<KeyWithSecret> {
    const { token, prefix } = mintToken('apiKey');
    return context.em.transactional(async (em) => {
      const name = readName(input.name);
      const apiKey = em.create(ApiKeyEntity, {
        id: newId('apiKey'),
        organisationId: context.caller.organisationId,
        type: input.type,
        name,
        prefix,
        hash: this.#hasher.hash(token),
        ...(await ownerOf(em, context, input)),
        agentId: await requireAgent(em, context, input.agentId),
        expiresAt: requireAhead(input.expiresAt, new Date()),
        createdBy: context.caller.actor.id,
        denialStyle: input.denialStyle ?? null,
        metadata: input.metadata,
      });
      await em.flush();
      audit(em, context, { action: 'createApiKey', targetId: apiKey.id, targetLabel: prefix, before: null, after: shownApiKey(apiKey) });
      const changes = [upsertOfApiKey(apiKey)];
      if (input.policy != null) changes.push(await this.#policies.put(em, context, { scope: 'API_KEY', ownerId: apiKey.id, policies: input.policy }));
      const pairs = [...new Set(input.grantServerIds)].map((serverId) => ({ apiKeyId: apiKey.id, serverId }));
      changes.push(...(await this.#grants.putAll(em, context, pairs, 'grantServerIds')));
      await appendConfigChanges(em, changes);
      return { apiKey, secret: token };
    });
  }

  /** In force from the next call on. */
  update(context: AdminContext, input: UpdateApiKeyInput): Promise<ApiKey> {
    return this.#change(context, 'updateApiKey', input, async (apiKey, em) => {
      refuseRevoked(apiKey, 'changed');
      return {
        ...(input.name === undefined ? {} : { name: readName(input.name) }),
        ...(input.expiresAt === undefined ? {} : { expiresAt: extended(apiKey, input.expiresAt, new Date()) }),
        ...(input.agentId === undefined ? {} : { agentId: await requireAgent(em, context, input.agentId) }),
        ...(input.denialStyle === undefined ? {} : { denialStyle: input.denialStyle }),
        ...(input.metadata === undefined ? {} : { metadata: input.metadata }),
      };
    });
  }

  /** Unlike a revoked key, a disabled one can be switched on again. */
  setDisabled(context: AdminContext, input: SetApiKeyDisabledInput): Promise<ApiKey> {
    return this.#change(context, 'setApiKeyDisabled', input, async (apiKey, em) => {
      refuseRevoked(apiKey, input.disabled ? 'disabled' : 'enabled');
      if (input.disabled) return { state: 'DISABLED', disabledAt: apiKey.disabledAt ?? new Date() };
      await requireActiveOwner(em, apiKey);
      return { state: 'ACTIVE', disabledAt: null };
    });
  }

  /** The old secret works until the grace is over; a second rotation ends the first one's grace. */
  async rotate(context: AdminContext, input: RotateApiKeyInput): Promise<KeyWithSecret> {
    const { token, prefix } = mintToken('apiKey');
    const apiKey = await this.#change(context, 'rotateApiKey', input, (current) => {
      refuseRevoked(current, 'rotated');
      const now = new Date();
      const isOver = hasExpired(current, now);
      const { expiresAt, graceUntil } = rotatedExpiry(current, input, now);
      return {
        previousPrefix: current.prefix,
        // What has expired stays so, whatever the new expiry.
        previousHash: isOver ? null : current.hash,
        graceUntil: isOver ? null : graceUntil,
        expiresAt,
        prefix,
        hash: this.#hasher.hash(token),
      };
    });
    return { apiKey, secret: token };
  }

  revoke(context: AdminContext, aim: Aim): Promise<ApiKey> {
    return this.#change(context, 'revokeApiKey', aim, (apiKey) => {
      if (apiKey.state === 'REVOKED') throw refuseInput(['id'], 'ALREADY_REVOKED', 'the key is revoked already');
      return { state: 'REVOKED', revokedAt: new Date() };
    });
  }

  #change(
    context: AdminContext,
    action: string,
    { id, expectedVersion, dryRun = false }: Aim,
    decide: (apiKey: ApiKey, em: EntityManager) => Partial<ApiKey> | Promise<Partial<ApiKey>>,
  ): Promise<ApiKey> {
    return inTransaction(context.em, { dryRun }, async (em) => {
      const apiKey = await em.findOne(ApiKeyEntity, { id }, FOR_CHANGE);
      if (apiKey === null) throw notFound('id', 'API key');
      requireVersion(apiKey, expectedVersion, 'key');
      const before = shownApiKey(apiKey);
      em.assign(apiKey, { ...(await decide(apiKey, em)), version: apiKey.version + 1, updatedAt: new Date() });
      audit(em, context, { action, targetId: apiKey.id, targetLabel: apiKey.prefix, before, after: shownApiKey(apiKey) });
      await appendConfigChanges(em, [upsertOfApiKey(apiKey)]);
      return apiKey;
    });
  }
}

function refuseRevoked({ state }: ApiKey, done: string): void {
  if (state === 'REVOKED') throw refuseInput(['id'], 'ALREADY_REVOKED', `a revoked key cannot be ${done}`, 'create a new key');
}
