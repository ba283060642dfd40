/** The grants of many keys or of many servers: a page of each, and how many each has, in as many statements as for one. */
import type { EntityManager } from '@mikro-orm/postgresql';
import DataLoader from 'dataloader';
import { z } from 'zod';
import { oneOf } from '../database/sql-condition.ts';
import { COUNTED_MAX, cursorOf, toConnection, type Connection, type Page } from '../graphql/connection.ts';
import { AccessGrantEntity, type AccessGrant } from './access-grant.entity.ts';

const COLUMNS = { apiKeyId: 'api_key_id', mcpServerId: 'mcp_server_id' } as const;
/** Whose grants they are. */
export type GrantOwner = keyof typeof COLUMNS;

export interface GrantsOfOne {
  readonly ownerId: string;
  readonly page: Page;
  readonly isCounted: boolean;
}
export type GrantsOfEach = DataLoader<GrantsOfOne, Connection<AccessGrant>, string>;
export type GrantCounts = DataLoader<string, number>;

const idsSchema = z.array(z.object({ id: z.string() }));
const countsSchema = z.array(z.object({ id: z.string(), count: z.coerce.number() }));

/** By the owner's id. SQL is not behind the tenant filter of the entity manager, so the organisation is named. */
export function grantCounts(em: EntityManager, organisationId: string, owner: GrantOwner): GrantCounts {
  const column = COLUMNS[owner];
  return new DataLoader(async (ownerIds) => {
    const { sql, values } = oneOf(column, ownerIds);
    const rows = await em.execute(`select ${column} as id, count(*) as count from access_grants where organisation_id = ? and ${sql} group by ${column}`, [
      organisationId,
      ...values,
    ]);
    const counts = new Map(countsSchema.parse(rows).map(({ id, count }) => [id, count]));
    return ownerIds.map((id) => counts.get(id) ?? 0);
  });
}

/** Oldest first. */
export function grantsOfEach(em: EntityManager, organisationId: string, owner: GrantOwner, counts: GrantCounts): GrantsOfEach {
  return new DataLoader(
    async (asked) => {
      const found = new Map<string, AccessGrant[]>();
      for (const [question, alike] of Map.groupBy(asked, pageText))
        for (const [ownerId, grants] of await read(em, organisationId, owner, alike)) found.set(question + ownerId, grants);
      return Promise.all(
        asked.map(async (one) => {
          const total = one.isCounted ? await counts.load(one.ownerId) : null;
          const shown = total !== null && total > COUNTED_MAX ? null : total;
          return toConnection(found.get(pageText(one) + one.ownerId) ?? [], one.page, ({ id }) => cursorOf(id), shown);
        }),
      );
    },
    { cacheKeyFn: (one) => `${pageText(one)}${one.isCounted}${one.ownerId}` },
  );
}

function pageText({ page }: GrantsOfOne): string {
  return JSON.stringify([page.first, page.after]);
}

/** One more of each than its page has; all of them ask for the same page. */
async function read(em: EntityManager, organisationId: string, owner: GrantOwner, alike: readonly GrantsOfOne[]): Promise<Map<string, AccessGrant[]>> {
  const [any] = alike;
  if (any === undefined) return new Map();
  const column = COLUMNS[owner];
  const ownerIds = alike.map(({ ownerId }) => ownerId);
  const { sql, values } = oneOf(column, ownerIds);
  const ids = await em.execute(
    `select id from (select id, row_number() over (partition by ${column} order by id) as place from access_grants
      where organisation_id = ? and ${sql} and id > ?) as numbered where place <= ?`,
    [organisationId, ...values, any.page.after ?? '', any.page.first + 1],
  );
  const grants = await em.find(AccessGrantEntity, { id: { $in: idsSchema.parse(ids).map(({ id }) => id) } }, { orderBy: { id: 'asc' } });
  return Map.groupBy(grants, (grant) => grant[owner]);
}
