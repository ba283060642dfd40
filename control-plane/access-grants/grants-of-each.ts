/** The grants of many servers at once: a page of each by one statement, and how many each has by another. */
import type { EntityManager } from '@mikro-orm/postgresql';
import DataLoader from 'dataloader';
import { z } from 'zod';
import { oneOf } from '../database/sql-condition.ts';
import { cursorOf, toConnection, type Connection, type Page } from '../graphql/connection.ts';
import { AccessGrantEntity, type AccessGrant } from './access-grant.entity.ts';

export interface GrantsOfOne {
  readonly serverId: string;
  readonly page: Page;
  readonly isCounted: boolean;
}
export type GrantsOfEach = DataLoader<GrantsOfOne, Connection<AccessGrant>, string>;

const countsSchema = z.array(z.object({ id: z.string(), count: z.number() }));
const idsSchema = z.array(z.object({ id: z.string() }));

/** By the server. SQL is not behind the tenant filter of the entity manager, so the organisation is named. */
export function grantCounts(em: EntityManager, organisationId: string): DataLoader<string, number> {
  return new DataLoader(async (serverIds) => {
    const { sql, values } = oneOf('mcp_server_id', serverIds);
    const rows = await em.execute(
      `select mcp_server_id as id, count(*)::integer as count from access_grants where organisation_id = ? and ${sql} group by mcp_server_id`,
      [organisationId, ...values],
    );
    const counts = new Map(countsSchema.parse(rows).map(({ id, count }) => [id, count]));
    return serverIds.map((id) => counts.get(id) ?? 0);
  });
}

/** One statement for all that an operation asks about with the same page. */
export function grantsOfEach(em: EntityManager, organisationId: string, counts: DataLoader<string, number>): GrantsOfEach {
  const questionOf = ({ page }: GrantsOfOne) => JSON.stringify([page.first, page.after]);
  return new DataLoader(
    async (asked) => {
      const found = new Map<string, Map<string, AccessGrant[]>>();
      for (const [question, alike] of Map.groupBy(asked, questionOf)) {
        const [{ page } = { page: { first: 0, after: undefined } }] = alike;
        const serverIds = alike.map(({ serverId }) => serverId);
        found.set(question, await readGrants(em, organisationId, serverIds, page));
      }
      return Promise.all(
        asked.map(async (one) => {
          const rows = found.get(questionOf(one))?.get(one.serverId) ?? [];
          return toConnection(rows, one.page, ({ id }) => cursorOf(id), one.isCounted ? await counts.load(one.serverId) : null);
        }),
      );
    },
    { cacheKeyFn: (one) => `${questionOf(one)} ${one.isCounted} ${one.serverId}` },
  );
}

/** One more of each than the page has. */
async function readGrants(em: EntityManager, organisationId: string, serverIds: readonly string[], page: Page): Promise<Map<string, AccessGrant[]>> {
  const { sql, values } = oneOf('mcp_server_id', serverIds);
  const behind = page.after === undefined ? '' : ' and id > ?';
  const ranked = `select id, row_number() over (partition by mcp_server_id order by id) as place from access_grants where organisation_id = ? and ${sql}${behind}`;
  const rows = await em.execute(`select id from (${ranked}) as ranked where place <= ?`, [
    organisationId,
    ...values,
    ...(page.after === undefined ? [] : [page.after]),
    page.first + 1,
  ]);
  const ids = idsSchema.parse(rows).map(({ id }) => id);
  return Map.groupBy(await em.find(AccessGrantEntity, { id: { $in: ids } }, { orderBy: { id: 'asc' } }), ({ mcpServerId }) => mcpServerId);
}
