/** Exports: made, found, and downloaded by a link. */
import type { ServerResponse } from 'node:http';
import type { EntityManager } from '@mikro-orm/postgresql';
import { newId } from '../../shared/ids.ts';
import { permissionsOf } from '../access/standing.ts';
import { audit } from '../audit/audit.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { insideOrganisation } from '../database/tenant-filter.ts';
import type { ExportFormat } from '../export/export-form.ts';
import { badInput, forbidden, unauthenticated } from '../graphql/errors.ts';
import { parseInput, refuseInput } from '../graphql/input-refused.ts';
import { asAdmin, requirePermission, type AdminContext } from '../request-context.ts';
import type { Services } from '../services.ts';
import { ExportEntity, stateOf, type Export } from './export.entity.ts';
import type { ExportLinks } from './export-links.ts';
import { EXPORT_SOURCES, type ExportKind } from './export-sources.ts';

const KEPT_MILLIS = 7 * 86_400_000;
/** Of one organisation, that have neither failed nor expired. */
const OPEN_MAX = 100;

export interface NewExport {
  readonly kind: ExportKind;
  readonly format: ExportFormat;
  readonly filter: object;
}

export class ExportsService {
  readonly #links: ExportLinks;

  constructor(links: ExportLinks) {
    this.#links = links;
  }

  /** Holds what there is now, however late it is downloaded. */
  async create(context: AdminContext, { kind, format, filter }: NewExport): Promise<Export> {
    const source = EXPORT_SOURCES[kind];
    const { caller, services } = asAdmin(context, source.permission);
    const { organisationId, actor } = caller;
    const field = kind === 'USAGE' ? 'usage' : 'audit';
    const parsed: unknown = parseInput(source.filter, { ...filter }, [field]);
    return inTransaction(context.em, { dryRun: false }, async (em) => {
      if ((await em.count(ExportEntity, { state: { $in: ['PENDING', 'READY'] } })) >= OPEN_MAX)
        throw refuseInput(null, 'TOO_LARGE', `there are ${OPEN_MAX} exports already`, 'they end after seven days');
      const made = em.create(ExportEntity, {
        id: newId('export'),
        organisationId,
        kind,
        format,
        filter: parsed,
        upto: await source.end(services, em, organisationId),
        actorKind: actor.kind,
        actorId: actor.id,
        createdAt: new Date(),
        expiresAt: new Date(Date.now() + KEPT_MILLIS),
      });
      audit(em, context, { action: 'createExport', targetId: made.id, targetLabel: kind.toLowerCase(), before: null, after: { kind, format, filter: parsed } });
      await em.flush();
      return made;
    });
  }

  /** Null for one that there is not. Throws FORBIDDEN for one that holds what the caller may not read. */
  async find(context: AdminContext, id: string): Promise<Export | null> {
    const found = await context.em.fork().findOne(ExportEntity, { id });
    if (found !== null) requirePermission(context, EXPORT_SOURCES[found.kind].permission);
    return found;
  }

  /** Null while there is nothing to download. */
  linkTo(found: Export, { caller }: Pick<AdminContext, 'caller'>): string | null {
    if (stateOf(found, Date.now()) !== 'READY') return null;
    return this.#links.linkTo({ id: found.id, actor: { kind: caller.actor.kind, id: caller.actor.id } }, Date.now());
  }

  /** Read now, from the database: any replica can send it. Whoever got the link must still be allowed to read what it leads to. */
  async download(everything: EntityManager, services: Services, url: URL, response: ServerResponse): Promise<void> {
    const download = this.#links.read(url.pathname, url.searchParams, Date.now());
    if (download === undefined) throw unauthenticated('this link is none of ours, or is no longer good; ask for downloadUrl again');
    const found = await everything.fork().findOne(ExportEntity, { id: download.id }, { filters: false });
    if (found === null || stateOf(found, Date.now()) !== 'READY') throw badInput('this export has ended');
    const { organisationId, kind, format, filter, upto } = found;
    const source = EXPORT_SOURCES[kind];
    if (!(await permissionsOf(everything, download.actor, organisationId)).has(source.permission)) throw forbidden(source.permission);
    const reader = { em: insideOrganisation(everything, organisationId), caller: { organisationId } };
    await source.send(services, reader, { filter, format, upto }, response);
  }
}
