/** The catalogue as an organisation sees it: the trusted entries and its own, as one list; and the rules of its own. */
import type { EntityManager, FilterQuery } from '@mikro-orm/postgresql';
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { newId } from '../../shared/ids.ts';
import { audit } from '../audit/audit.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { FOR_CHANGE, requireVersion } from '../database/version-check.ts';
import { COUNTED_MAX, cursorOf, selects, toConnection, type Connection, type Page } from '../graphql/connection.ts';
import { badInput } from '../graphql/errors.ts';
import { notFound, parseInput, refuseInput } from '../graphql/input-refused.ts';
import type { AdminContext } from '../request-context.ts';
import { CatalogEntryEntity, toCatalogEntry, type StoredCatalogEntry } from './catalog-entry.entity.ts';
import { catalogDocumentSchema, type CatalogDocument, type CatalogEntry } from './catalog-entry.ts';
import { conditionsOf, fits, type CatalogFilter } from './catalog-filter.ts';
import { isReservedName, publishedName, slugOfName } from './published-name.ts';
import type { TrustedCatalogue } from './trusted-catalogue.ts';

export interface EntryAim {
  readonly id: string;
  readonly expectedVersion: number | null;
  /** Answers what would be, and changes nothing. */
  readonly dryRun: boolean;
}

export class CatalogService {
  readonly #trusted: TrustedCatalogue;

  constructor(trusted: TrustedCatalogue) {
    this.#trusted = trusted;
  }

  async list({ em }: AdminContext, filter: CatalogFilter, page: Page, info: GraphQLResolveInfo): Promise<Connection<CatalogEntry>> {
    const total = selects(info, 'totalCount')
      ? this.#trusted.entries.filter((entry) => fits(entry, filter)).length + (await em.count(CatalogEntryEntity, conditionsOf(filter)))
      : null;
    return toConnection(await this.rows(em, filter, page), page, positionOf, total !== null && total > COUNTED_MAX ? null : total);
  }

  /** One more than the page has, in the order of slugs. Without an entity manager the trusted ones alone. */
  async rows(em: EntityManager | undefined, filter: CatalogFilter, { first, after }: Page): Promise<CatalogEntry[]> {
    const where = { $and: [conditionsOf(filter), ...(after === undefined ? [] : [behind(after)])] };
    const own = em === undefined ? [] : await em.find(CatalogEntryEntity, where, { orderBy: { slug: 'asc', id: 'asc' }, limit: first + 1 });
    const trusted = this.#trusted.entries.filter((entry) => fits(entry, filter) && (after === undefined || placeOf(entry) > after));
    return [...trusted, ...own.map(toCatalogEntry)].toSorted((one, other) => (placeOf(one) < placeOf(other) ? -1 : 1)).slice(0, first + 1);
  }

  async find(em: EntityManager, id: string): Promise<CatalogEntry | null> {
    return (await this.findAll(em, [id]))[0] ?? null;
  }

  /** Those of the ids that there are, in no order. */
  async findAll(em: EntityManager, ids: readonly string[]): Promise<CatalogEntry[]> {
    const trusted = ids.flatMap((id) => this.#trusted.find(id) ?? []);
    if (trusted.length === ids.length) return trusted;
    return [...trusted, ...(await em.find(CatalogEntryEntity, { id: { $in: [...ids] } })).map(toCatalogEntry)];
  }

  /** By the name that it is published under; without an entity manager a trusted one. */
  async findPublished(em: EntityManager | undefined, name: string): Promise<CatalogEntry | null> {
    const trusted = this.#trusted.entries.find((entry) => publishedName(entry) === name);
    if (trusted !== undefined || em === undefined) return trusted ?? null;
    const slug = slugOfName(name);
    const own = await em.findOne(CatalogEntryEntity, slug === undefined ? { registryName: name } : { slug, registryName: null });
    return own === null ? null : toCatalogEntry(own);
  }

  /** The document is not judged yet. */
  create(context: AdminContext, document: unknown, terms: { dryRun: boolean }): Promise<CatalogEntry> {
    return inTransaction(context.em, terms, async (em) => {
      const judged = await this.#judge(em, document, null);
      const stored = em.create(CatalogEntryEntity, { id: newId('catalogEntry'), organisationId: context.caller.organisationId, ...judged });
      await em.flush();
      const entry = toCatalogEntry(stored);
      audit(em, context, { action: 'createCatalogEntry', targetId: entry.id, targetLabel: entry.slug, before: null, after: entry });
      return entry;
    });
  }

  /** What is absent of the changes, which are not judged yet, stays. Servers that were installed from the entry stay as they are. */
  update(context: AdminContext, aim: EntryAim, changes: object): Promise<CatalogEntry> {
    return inTransaction(context.em, aim, async (em) => {
      const stored = await findOwn(em, aim);
      const before = toCatalogEntry({ ...stored });
      const { id: _id, isTrusted: _isTrusted, revision, createdAt: _createdAt, updatedAt: _updatedAt, ...current } = before;
      em.assign(stored, { ...(await this.#judge(em, { ...current, ...changes }, stored)), revision: revision + 1, updatedAt: new Date() });
      const entry = toCatalogEntry(stored);
      audit(em, context, { action: 'updateCatalogEntry', targetId: entry.id, targetLabel: entry.slug, before, after: entry });
      return entry;
    });
  }

  /** Servers that were installed from it stay, and so do requests, of which only the name of the entry is left. */
  delete(context: AdminContext, aim: EntryAim): Promise<string> {
    return inTransaction(context.em, aim, async (em) => {
      const stored = await findOwn(em, aim);
      audit(em, context, { action: 'deleteCatalogEntry', targetId: stored.id, targetLabel: stored.slug, before: toCatalogEntry(stored), after: null });
      em.remove(stored);
      return stored.id;
    });
  }

  /** Nobody may take an entry of the organisation’s own for a trusted one. */
  async #judge(em: EntityManager, given: unknown, self: StoredCatalogEntry | null): Promise<CatalogDocument> {
    const document = parseInput(catalogDocumentSchema, given);
    const { slug, registryName } = document;
    const holder = await em.findOne(CatalogEntryEntity, { slug });
    if ((holder !== null && holder !== self) || this.#trusted.entries.some((entry) => entry.slug === slug))
      throw refuseInput(['slug'], 'TAKEN', `the slug ${slug} is taken`);
    if (registryName === null) return document;
    const namesake = await em.findOne(CatalogEntryEntity, { registryName });
    if ((namesake !== null && namesake !== self) || isReservedName(registryName) || this.#trusted.entries.some((entry) => entry.registryName === registryName))
      throw refuseInput(['registryName'], 'TAKEN', `the name ${registryName} is taken`);
    return document;
  }
}

async function findOwn(em: EntityManager, { id, expectedVersion }: EntryAim): Promise<StoredCatalogEntry> {
  const stored = await em.findOne(CatalogEntryEntity, { id }, FOR_CHANGE);
  if (stored === null) throw notFound('id', 'catalogue entry of the organisation’s own');
  requireVersion({ version: stored.revision }, expectedVersion, 'entry');
  return stored;
}

function behind(place: string): FilterQuery<StoredCatalogEntry> {
  const [slug, id] = place.split(' ');
  if (slug === undefined || id === undefined) throw badInput('the cursor is not one of this list');
  return { $or: [{ slug: { $gt: slug } }, { slug, id: { $gt: id } }] };
}

/** Slugs have no character that sorts before the space, so this is the order of slugs and then of ids. */
export function placeOf({ slug, id }: CatalogEntry): string {
  return `${slug} ${id}`;
}

function positionOf(entry: CatalogEntry): string {
  return cursorOf(placeOf(entry));
}
