/** Finds one page of a list with one statement, oldest first, since ids are in the order of time; a second one counts when asked to. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { COUNTED_MAX, cursorOf, selects, toConnection, type Connection, type Page } from './connection.ts';

/** How to read the list: behind an id, at most so many; and how many there are. */
export interface PagedList<Entity extends { readonly id: string }> {
  find(where: { id?: { $gt: string } }, options: { orderBy: { id: 'asc' }; limit: number }): Promise<Entity[]>;
  count(): Promise<number>;
}

export async function pageOf<Entity extends { readonly id: string }>(
  list: PagedList<Entity>,
  page: Page,
  info: GraphQLResolveInfo,
): Promise<Connection<Entity>> {
  const rows = await list.find(page.after === undefined ? {} : { id: { $gt: page.after } }, { orderBy: { id: 'asc' }, limit: page.first + 1 });
  const total = selects(info, 'totalCount') ? await list.count() : null;
  return toConnection(rows, page, ({ id }) => cursorOf(id), total !== null && total > COUNTED_MAX ? null : total);
}
