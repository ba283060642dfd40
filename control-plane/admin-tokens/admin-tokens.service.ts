/** The rules of administrators' tokens: shown once, stored as keyed hashes, no stronger than whoever makes them. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { newId } from '../../shared/ids.ts';
import { mintToken, type TokenHasher } from '../../shared/token.ts';
import type { Permission } from '../access/permissions.ts';
import { AdminTokenEntity, type AdminToken } from '../access/tokens.entity.ts';
import { audit } from '../audit/audit.ts';
import { FOR_CHANGE } from '../database/version-check.ts';
import type { Connection, Page } from '../graphql/connection.ts';
import { notFound, refuseInput } from '../graphql/input-refused.ts';
import { readName } from '../graphql/names.ts';
import { pageOf } from '../graphql/paged-query.ts';
import type { AdminContext } from '../request-context.ts';
import { requireAll } from '../roles/granting.ts';

export interface CreateAdminTokenInput {
  readonly name: string;
  readonly permissions: readonly Permission[];
  readonly expiresAt: Date | null;
}

export interface AdminTokenWithSecret {
  readonly adminToken: AdminToken;
  readonly secret: string;
}

/** Tokens tell which organisation asks, so they are not behind its filter, and it is named in each query. */
export class AdminTokensService {
  readonly #hasher: TokenHasher;

  constructor(hasher: TokenHasher) {
    this.#hasher = hasher;
  }

  list({ em, caller: { organisationId } }: AdminContext, page: Page, info: GraphQLResolveInfo): Promise<Connection<AdminToken>> {
    return pageOf(
      {
        find: (where, options) => em.find(AdminTokenEntity, { ...where, organisationId }, options),
        count: () => em.count(AdminTokenEntity, { organisationId }),
      },
      page,
      info,
    );
  }

  /** A token outlives the person who makes it, as a program's must. */
  create(context: AdminContext, input: CreateAdminTokenInput): Promise<AdminTokenWithSecret> {
    const { caller } = context;
    const { token, prefix } = mintToken('adminToken');
    return context.em.transactional((em) => {
      const name = readName(input.name);
      requireAll(context, input.permissions);
      const { expiresAt } = input;
      if (expiresAt !== null && expiresAt.getTime() <= Date.now()) throw refuseInput(['expiresAt'], 'OUT_OF_RANGE', 'the expiry lies in the past');
      const adminToken = em.create(AdminTokenEntity, {
        id: newId('adminToken'),
        organisationId: caller.organisationId,
        name,
        prefix,
        hash: this.#hasher.hash(token),
        permissions: [...new Set(input.permissions)],
        expiresAt,
        createdByKind: caller.actor.kind,
        createdById: caller.actor.id,
      });
      audit(em, context, { action: 'createAdminToken', targetId: adminToken.id, targetLabel: prefix, before: null, after: shown(adminToken) });
      return Promise.resolve({ adminToken, secret: token });
    });
  }

  revoke(context: AdminContext, id: string): Promise<AdminToken> {
    return context.em.transactional(async (em) => {
      const adminToken = await em.findOne(AdminTokenEntity, { id, organisationId: context.caller.organisationId }, FOR_CHANGE);
      if (adminToken === null) throw notFound('id', 'admin token');
      if (adminToken.revokedAt != null) throw refuseInput(['id'], 'ALREADY_REVOKED', 'the token is revoked already');
      requireAll(context, adminToken.permissions);
      const before = shown(adminToken);
      em.assign(adminToken, { revokedAt: new Date() });
      audit(em, context, { action: 'revokeAdminToken', targetId: id, targetLabel: adminToken.prefix, before, after: shown(adminToken) });
      return adminToken;
    });
  }
}

/** What the audit trail keeps. */
function shown({ name, permissions, expiresAt, revokedAt }: AdminToken): Record<string, unknown> {
  return { name, permissions: [...permissions], expiresAt, revokedAt };
}
