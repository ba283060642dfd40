/** The catalogue in the form of the MCP registry, v0.1: for clients that can be pointed at a registry, and read only. */
import type { ServerResponse } from 'node:http';
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { answerJson } from '../answer-json.ts';
import { cursorOf, readPage } from '../graphql/connection.ts';
import { badInput, unauthenticated } from '../graphql/errors.ts';
import { isStorable } from '../graphql/storable-text.ts';
import type { RequestContext } from '../request-context.ts';
import type { CatalogEntry } from './catalog-entry.ts';
import { placeOf } from './catalog.service.ts';
import { toServerJson } from './server-json.ts';

const PAGE_DEFAULT = 30;
const PAGE_MAX = 100;
const LATEST = 'latest';
const ROUTE = /^\/v0\.1\/servers(?:\/([^/]+)\/versions(?:\/([^/]+))?)?$/;
const text = z.string().max(500).refine(isStorable, 'holds characters that cannot be stored').optional();
const querySchema = z.object({
  cursor: text,
  limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(PAGE_DEFAULT),
  search: text,
  version: text,
  updated_since: z.iso.datetime({ offset: true }).optional(),
});

/** Trusted entries are for everybody, an organisation’s own for whoever asks in its name. */
export async function answerRegistry(context: RequestContext, url: URL, isAnonymousOnPurpose: boolean, response: ServerResponse): Promise<void> {
  const { caller } = context;
  if (caller.kind === 'anonymous' && !isAnonymousOnPurpose) throw unauthenticated(caller.why);
  const em = caller.kind === 'admin' ? context.em : undefined;
  const [, name, version] = ROUTE.exec(url.pathname) ?? [];
  const body = name === undefined ? await listed(context, em, url.searchParams) : await named(context, em, { name, version });
  answerJson(response, body === undefined ? 404 : 200, body ?? { error: 'Server not found' }, { 'Cache-Control': 'private, max-age=60' });
}

export function isRegistryPath(path: string): boolean {
  return ROUTE.test(path);
}

async function listed({ services }: RequestContext, em: EntityManager | undefined, search: URLSearchParams): Promise<unknown> {
  const reading = querySchema.safeParse(Object.fromEntries(search));
  if (!reading.success) throw badInput(reading.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
  const { cursor, limit, version, updated_since: since } = reading.data;
  const filter = {
    search: reading.data.search ?? null,
    categories: null,
    serverVersion: version === undefined || version === LATEST ? null : version,
    updatedSince: since === undefined ? null : new Date(since),
  };
  const rows = await services.catalog.rows(em, filter, readPage(limit, cursor, PAGE_MAX));
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const nextCursor = rows.length > limit && last !== undefined ? { nextCursor: cursorOf(placeOf(last)) } : {};
  return { servers: page.map(toRegistered), metadata: { ...nextCursor, count: page.length } };
}

/** Undefined when there is no such server, or no such version. An entry has one version at a time. */
async function named({ services }: RequestContext, em: EntityManager | undefined, asked: { name: string; version: string | undefined }): Promise<unknown> {
  const [name, version] = [decoded(asked.name), asked.version === undefined ? undefined : decoded(asked.version)];
  const entry = name === undefined ? null : await services.catalog.findPublished(em, name);
  if (entry === null) return undefined;
  if (asked.version === undefined) return { servers: [toRegistered(entry)], metadata: { count: 1 } };
  return version === LATEST || version === entry.serverVersion ? toRegistered(entry) : undefined;
}

function toRegistered(entry: CatalogEntry): unknown {
  const [publishedAt, updatedAt] = [entry.createdAt.toISOString(), entry.updatedAt.toISOString()];
  const official = { status: 'active', statusChangedAt: publishedAt, publishedAt, updatedAt, isLatest: true };
  return { server: toServerJson(entry), _meta: { 'io.modelcontextprotocol.registry/official': official } };
}

/** Undefined for what no name could be. */
function decoded(part: string): string | undefined {
  try {
    const name = decodeURIComponent(part);
    return isStorable(name) ? name : undefined;
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
