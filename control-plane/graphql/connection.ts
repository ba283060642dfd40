/** Relay connections: keyset pages in one stable order, with cursors that tell nothing. */
import { Field, Int, ObjectType, type ClassType } from 'type-graphql';
import { Kind, visit, type FieldNode, type GraphQLResolveInfo } from 'graphql/index.js';
import { badInput } from './errors.ts';

@ObjectType({ description: 'Where a page stands in the whole list.' })
export class PageInfo {
  @Field(() => Boolean, { description: 'More follow behind `endCursor`.' })
  hasNextPage!: boolean;

  @Field(() => Boolean, { description: 'The page does not begin at the first one.' })
  hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true, description: 'Cursor of the first one of the page.' })
  startCursor!: string | null;

  @Field(() => String, { nullable: true, description: 'Cursor of the last one of the page.' })
  endCursor!: string | null;
}

export interface Connection<Node> {
  readonly edges: readonly { readonly cursor: string; readonly node: Node }[];
  readonly nodes: readonly Node[];
  readonly pageInfo: PageInfo;
  readonly totalCount: number | null;
}

/** Declares `<name>Connection` and `<name>Edge` for a node type. */
export function connectionOf<Node extends object>(name: string, node: () => ClassType<Node>): ClassType<Connection<Node>> {
  @ObjectType(`${name}Edge`, { description: `One ${name} of a page.` })
  class Edge {
    @Field(() => String, { description: 'Give it as `after` to go on from here.' })
    cursor!: string;

    @Field(node, { description: `The ${name}.` })
    node!: Node;
  }

  @ObjectType(`${name}Connection`, { description: `A page of ${name}.` })
  class ConnectionType implements Connection<Node> {
    @Field(() => [Edge], { description: 'With a cursor each.' })
    edges!: Edge[];

    @Field(() => [node()], { description: 'Without cursors.' })
    nodes!: Node[];

    @Field(() => PageInfo, { description: 'Where the page stands.' })
    pageInfo!: PageInfo;

    @Field(() => Int, { nullable: true, description: 'All of them; counted only when asked for, and null above 10,000.' })
    totalCount!: number | null;
  }
  return ConnectionType;
}

export interface Page {
  readonly first: number;
  /** What the last one seen is ordered by; the page begins behind it. */
  readonly after: string | undefined;
}

export const PAGE_DEFAULT = 50;
export const COUNTED_MAX = 10_000;

/** Reads `first` and `after`; throws BAD_USER_INPUT for a size out of range or a cursor that we did not hand out. */
export function readPage(first: number, after: string | null | undefined, firstMax = 200): Page {
  if (first < 1 || first > firstMax) throw badInput(`first must be between 1 and ${firstMax}`);
  return { first, after: after === null || after === undefined ? undefined : readCursor(after) };
}

export function cursorOf(position: string): string {
  return Buffer.from(position).toString('base64url');
}

function readCursor(cursor: string): string {
  const position = Buffer.from(cursor, 'base64url').toString('utf8');
  if (position === '' || cursorOf(position) !== cursor) throw badInput('the cursor is not one of this list');
  return position;
}

/** Makes a page of rows that were asked for with one more than `first`. */
export function toConnection<Node>(rows: readonly Node[], page: Page, cursor: (node: Node) => string, totalCount: number | null): Connection<Node> {
  const nodes = rows.slice(0, page.first);
  const edges = nodes.map((node) => ({ cursor: cursor(node), node }));
  return {
    edges,
    nodes,
    totalCount,
    pageInfo: {
      hasNextPage: rows.length > page.first,
      hasPreviousPage: page.after !== undefined,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

/** Whether the operation selects a field right below the one that is resolved. Fragments count as selecting everything. */
export function selects(info: GraphQLResolveInfo, field: string): boolean {
  return info.fieldNodes.some(
    (node) => node.selectionSet?.selections.some((selection) => selection.kind !== Kind.FIELD || selection.name.value === field) === true,
  );
}

/** Whether the operation selects one of the fields at any depth below the one that is resolved. Every fragment of the operation counts. */
export function selectsWithin(info: GraphQLResolveInfo, fields: readonly string[]): boolean {
  let isFound = false;
  const Field = (node: FieldNode) => void (isFound ||= fields.includes(node.name.value));
  for (const node of [...info.fieldNodes, ...Object.values(info.fragments)]) visit(node, { Field });
  return isFound;
}
