/** Finds any object by its id, and tells what this API is. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { Arg, Ctx, ID, Info, Query, Resolver } from 'type-graphql';
import { badInput } from '../graphql/errors.ts';
import { asAdmin, type AdminContext, type RequestContext } from '../request-context.ts';
import { NODE_FINDERS, type FoundNode } from './node-finders.ts';
import { kindOfId } from './node-names.ts';
import { Node } from './node.types.ts';
import { schemaInfoOf } from './schema-info.ts';
import { SchemaInfo } from './schema-info.types.ts';

const NODES_MAX = 100;

@Resolver()
export class NodesResolver {
  @Query(() => Node, { nullable: true, description: 'The object of that id; null when there is none that whoever asks may see.' })
  async node(@Ctx() context: RequestContext, @Arg('id', () => ID) id: string): Promise<Node | null> {
    return (await findNodes(asAdmin(context), [id]))[0] ?? null;
  }

  @Query(() => [Node], { nullable: 'items', description: 'The objects of those ids, in their order; at most 100.' })
  nodes(@Ctx() context: RequestContext, @Arg('ids', () => [ID]) ids: string[]): Promise<(Node | null)[]> {
    const admin = asAdmin(context);
    if (ids.length > NODES_MAX) throw badInput(`at most ${NODES_MAX} ids are looked up at once`);
    return findNodes(admin, ids);
  }

  @Query(() => SchemaInfo, { description: 'Which version of the API this is, and what of it is going to end.' })
  schemaInfo(@Ctx() context: RequestContext, @Info() { schema }: GraphQLResolveInfo): SchemaInfo {
    asAdmin(context);
    return schemaInfoOf(schema);
  }
}

/** One statement for all of a kind. */
async function findNodes(context: AdminContext, ids: readonly string[]): Promise<(FoundNode | null)[]> {
  const found = new Map<string, FoundNode>();
  for (const [kind, alike] of Map.groupBy(new Set(ids), kindOfId)) {
    if (kind === undefined) continue;
    const { permission, find } = NODE_FINDERS[kind];
    if (permission !== undefined && !context.caller.permissions.has(permission)) continue;
    for (const node of await find(context, alike)) found.set(node.id, node);
  }
  return ids.map((id) => found.get(id) ?? null);
}
