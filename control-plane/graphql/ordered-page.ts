/** Pages of a list in one of several orders, from either end: ties are broken by id, and what has no value stands last. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { z } from 'zod';
import { COUNTED_MAX, cursorOf, readPage, selects, toConnection, type Connection, type Page } from './connection.ts';
import { badInput } from './errors.ts';

export interface ListOrder {
  /** Of the entity. `id` alone is the order of time. */
  readonly property: string;
  readonly direction: 'ASC' | 'DESC';
}

export interface OrderedPage extends Page {
  /** The last ones of what lies in front of the cursor, instead of the first ones behind it. */
  readonly isBackward: boolean;
}

/** What the caller gave; `last` wins over `first`, which has a default. */
export interface PageArguments {
  readonly first: number;
  readonly after: string | null | undefined;
  readonly last: number | null | undefined;
  readonly before: string | null | undefined;
}

type Ordering = 'asc nulls last' | 'desc nulls last' | 'asc nulls first' | 'desc nulls first';
type Condition = Readonly<Record<string, unknown>>;

export interface OrderedList<Entity> {
  find(behind: Condition, options: { orderBy: Record<string, Ordering>; limit: number }): Promise<Entity[]>;
  count(): Promise<number>;
  /** What the entity is ordered by, as text; null when it has no value. */
  valueOf(entity: Entity): string | null;
}

const positionSchema = z.tuple([z.string(), z.string().nullable(), z.string()]);

export function readOrderedPage({ first, after, last, before }: PageArguments): OrderedPage {
  const isBackward = last != null;
  if (isBackward ? after != null : before != null) throw badInput('after goes with first, and before with last');
  return { ...(isBackward ? readPage(last, before) : readPage(first, after)), isBackward };
}

export async function orderedPageOf<Entity extends { readonly id: string }>(
  list: OrderedList<Entity>,
  order: ListOrder,
  page: OrderedPage,
  info: GraphQLResolveInfo,
): Promise<Connection<Entity>> {
  const behind = page.after === undefined ? {} : beyond(order, readPosition(page.after, order), page.isBackward);
  const ordering = orderingOf(order, page.isBackward);
  const rows = await list.find(behind, {
    orderBy: order.property === 'id' ? { id: ordering } : { [order.property]: ordering, id: ordering },
    limit: page.first + 1,
  });
  const total = selects(info, 'totalCount') ? await list.count() : null;
  const counted = total !== null && total > COUNTED_MAX ? null : total;
  const cursor = (entity: Entity) => cursorOf(JSON.stringify([order.property, list.valueOf(entity), entity.id]));
  const connection = toConnection(rows, page, cursor, counted);
  return page.isBackward ? turned(connection) : connection;
}

/** Read from the end, and shown in the list's own order. */
function turned<Entity>({ edges, nodes, pageInfo, totalCount }: Connection<Entity>): Connection<Entity> {
  const { hasNextPage, hasPreviousPage, startCursor, endCursor } = pageInfo;
  return {
    edges: edges.toReversed(),
    nodes: nodes.toReversed(),
    pageInfo: { hasNextPage: hasPreviousPage, hasPreviousPage: hasNextPage, startCursor: endCursor, endCursor: startCursor },
    totalCount,
  };
}

function orderingOf({ direction }: ListOrder, isBackward: boolean): Ordering {
  if (isBackward) return direction === 'ASC' ? 'desc nulls first' : 'asc nulls first';
  return direction === 'ASC' ? 'asc nulls last' : 'desc nulls last';
}

/** What the list has after the position, or before it. */
function beyond({ property, direction }: ListOrder, { value, id }: { value: string | null; id: string }, isBackward: boolean): Condition {
  const operator = (direction === 'ASC') === isBackward ? '$lt' : '$gt';
  if (property === 'id') return { id: { [operator]: id } };
  const alike = { [property]: value, id: { [operator]: id } };
  if (value === null) return isBackward ? { $or: [alike, { [property]: { $ne: null } }] } : alike;
  return { $or: [{ [property]: { [operator]: value } }, alike, ...(isBackward ? [] : [{ [property]: null }])] };
}

/** The order is part of it: what one list is ordered by says nothing in another. */
function readPosition(text: string, { property }: ListOrder): { value: string | null; id: string } {
  const reading = positionSchema.safeParse(parsed(text));
  if (!reading.success || reading.data[0] !== property) throw badInput('the cursor is not one of this list');
  return { value: reading.data[1], id: reading.data[2] };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
