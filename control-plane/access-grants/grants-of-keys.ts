/** A page of the grants of each key that an operation asks about, in as many statements as for one. */
import type { EntityManager } from '@mikro-orm/postgresql';
import DataLoader from 'dataloader';
import { z } from 'zod';
import { oneOf } from '../database/sql-condition.ts';
import { COUNTED_MAX, cursorOf, toConnection, type Connection, type Page } from '../graphql/connection.ts';
import { AccessGrantEntity, type AccessGrant } from './access-grant.entity.ts';

interface PageOfKey {
  readonly apiKeyId: string;
  readonly page: Page;
  readonly isCounted: boolean;
}
export type GrantsOfKeys = DataLoader<PageOfKey, Connection<AccessGrant>, string>;

const idsSchema = z.array(z.object({ id: z.string() }));
const countsSchema = z.array(z.object({ api_key_id: z.string(), count: z.coerce.number() }));

/** Oldest first. */
export function grantsOfKeys(em: EntityManager, organisationId: string): GrantsOfKeys {
  return new DataLoader(
    async (asked) => {
      const found = new Map<string, Connection<AccessGrant>>();
      for (const [, alike] of Map.groupBy(asked, pageText)) for (const [key, connection] of await read(em, organisationId, alike)) found.set(key, connection);
      return asked.map((one) => found.get(textOf(one)) ?? toConnection<AccessGrant>([], one.page, () => '', one.isCounted ? 0 : null));
    },
    { cacheKeyFn: textOf },
  );
}

function pageText({ page, isCounted }: PageOfKey): string {
  return JSON.stringify([page.first, page.after, isCounted]);
}

function textOf(asked: PageOfKey): string {
  return asked.apiKeyId + pageText(asked);
}

async function read(em: EntityManager, organisationId: string, alike: readonly PageOfKey[]): Promise<[string, Connection<AccessGrant>][]> {
  const [any] = alike;
  if (any === undefined) return [];
  const ofKeys = oneOf(
    'api_key_id',
    alike.map(({ apiKeyId }) => apiKeyId),
  );
  const ids = await em.execute(
    `select id from (select id, row_number() over (partition by api_key_id order by id) as place from access_grants
      where organisation_id = ? and ${ofKeys.sql} and id > ?) as numbered where place <= ?`,
    [organisationId, ...ofKeys.values, any.page.after ?? '', any.page.first + 1],
  );
  const rows = await em.find(AccessGrantEntity, { id: { $in: idsSchema.parse(ids).map(({ id }) => id) } }, { orderBy: { id: 'asc' } });
  const grants = Map.groupBy(rows, ({ apiKeyId }) => apiKeyId);
  const counts = any.isCounted
    ? await em.execute(`select api_key_id, count(*) as count from access_grants where organisation_id = ? and ${ofKeys.sql} group by api_key_id`, [
        organisationId,
        ...ofKeys.values,
      ])
    : [];
  const totals = new Map(countsSchema.parse(counts).map((row) => [row.api_key_id, row.count]));
  return alike.map((one) => {
    const total = one.isCounted ? (totals.get(one.apiKeyId) ?? 0) : null;
    const shown = total !== null && total > COUNTED_MAX ? null : total;
    return [textOf(one), toConnection(grants.get(one.apiKeyId) ?? [], one.page, ({ id }) => cursorOf(id), shown)];
  });
}
