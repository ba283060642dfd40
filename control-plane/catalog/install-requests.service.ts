/** The rules of requests to install: whoever may not install asks, whoever may decides, once. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { z } from 'zod';
import { newId } from '../../shared/ids.ts';
import { audit } from '../audit/audit.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { FOR_CHANGE } from '../database/version-check.ts';
import type { Connection, Page } from '../graphql/connection.ts';
import { notFound, parseInput, refuseInput } from '../graphql/input-refused.ts';
import { pageOf } from '../graphql/paged-query.ts';
import type { AdminContext, UserContext } from '../request-context.ts';
import type { CatalogInstallService, InstallTerms } from './catalog-install.service.ts';
import type { CatalogService } from './catalog.service.ts';
import { InstallRequestEntity, type InstallRequest, type InstallRequestState } from './install-request.entity.ts';

export interface InstallDecision {
  readonly id: string;
  readonly approve: boolean;
  readonly note: string | null;
  /** How an approved entry is installed. */
  readonly terms: InstallTerms;
  /** Answers what would be, and changes nothing. */
  readonly dryRun: boolean;
}

/** Whoever has to decide should still see them all. */
const PENDING_MAX = 20;
const textSchema = z.string().trim().max(2000).nullable();

export class InstallRequestsService {
  readonly #catalog: CatalogService;
  readonly #installs: CatalogInstallService;

  constructor(parts: { catalog: CatalogService; installs: CatalogInstallService }) {
    this.#catalog = parts.catalog;
    this.#installs = parts.installs;
  }

  /** All of them for whoever may decide, and for everybody else his own. */
  list(context: AdminContext, states: readonly InstallRequestState[] | null, page: Page, info: GraphQLResolveInfo): Promise<Connection<InstallRequest>> {
    const { em } = context;
    const where = { ...visibleTo(context), ...(states === null ? {} : { state: { $in: [...states] } }) };
    return pageOf(
      { find: (behind, options) => em.find(InstallRequestEntity, { ...where, ...behind }, options), count: () => em.count(InstallRequestEntity, where) },
      page,
      info,
    );
  }

  request(context: UserContext, { entryId, reason }: { entryId: string; reason: string | null }): Promise<InstallRequest> {
    const { organisationId, actor } = context.caller;
    return context.em.transactional(async (em) => {
      const entry = await this.#catalog.find(em, entryId);
      if (entry === null) throw notFound('entryId', 'catalogue entry');
      const pending = await em.find(InstallRequestEntity, { requestedById: actor.id, state: 'PENDING' });
      if (pending.some((earlier) => earlier.entryId === entryId)) throw refuseInput(['entryId'], 'TAKEN', 'you have asked for it, and nobody has decided yet');
      if (pending.length >= PENDING_MAX) throw refuseInput(null, 'TOO_LARGE', `at most ${PENDING_MAX} requests of one person wait at once`);
      const request = em.create(InstallRequestEntity, {
        id: newId('installRequest'),
        organisationId,
        entryId,
        entryTitle: entry.title,
        requestedById: actor.id,
        reason: parseInput(textSchema, reason, ['reason']),
      });
      await em.flush();
      audit(em, context, { action: 'requestInstall', targetId: request.id, targetLabel: entry.slug, before: null, after: { ...request } });
      return request;
    });
  }

  /** What is approved is installed by the same transaction: either both are done, or neither. */
  decide(context: AdminContext, { id, approve, note, terms, dryRun }: InstallDecision): Promise<InstallRequest> {
    return inTransaction(context.em, { dryRun }, async (em) => {
      const request = await findPending(em, { id });
      const before = { ...request };
      const server = approve ? await this.#installs.installWithin(em, context, request.entryId, terms) : null;
      em.assign(request, {
        ...decidedBy(context, approve ? 'APPROVED' : 'REFUSED'),
        decisionNote: parseInput(textSchema, note, ['note']),
        mcpServerId: server?.id ?? null,
      });
      audit(em, context, { action: 'decideInstallRequest', targetId: id, targetLabel: request.entryTitle, before, after: { ...request } });
      return request;
    });
  }

  /** By whoever asked. */
  withdraw(context: UserContext, id: string): Promise<InstallRequest> {
    return inTransaction(context.em, { dryRun: false }, async (em) => {
      const request = await findPending(em, { id, requestedById: context.caller.actor.id });
      const before = { ...request };
      em.assign(request, decidedBy(context, 'WITHDRAWN'));
      audit(em, context, { action: 'withdrawInstallRequest', targetId: id, targetLabel: request.entryTitle, before, after: { ...request } });
      return request;
    });
  }
}

/** A token without the permission has asked for nothing. */
export function visibleTo({ caller: { permissions, actor } }: AdminContext): { requestedById?: string } {
  return permissions.has('CATALOG_INSTALL') ? {} : { requestedById: actor.id };
}

/** Of two who decide at the same moment, the second one waits here and then sees the decision of the first. */
async function findPending(em: EntityManager, where: { id: string; requestedById?: string }): Promise<InstallRequest> {
  const request = await em.findOne(InstallRequestEntity, where, FOR_CHANGE);
  if (request === null) throw notFound('id', 'install request');
  if (request.state !== 'PENDING') throw refuseInput(['id'], 'ALREADY_DECIDED', `the request is ${request.state.toLowerCase()} already`);
  return request;
}

function decidedBy({ caller: { actor } }: AdminContext, state: InstallRequestState): Partial<InstallRequest> {
  return { state, decidedByKind: actor.kind, decidedById: actor.id, decidedAt: new Date() };
}
