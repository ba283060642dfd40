/** What the schema tells of itself. */
import { hash } from 'node:crypto';
import { isInputObjectType, isInterfaceType, isObjectType, lexicographicSortSchema, printSchema, type GraphQLSchema } from 'graphql/index.js';
import { OWN_CLIENT } from '../mcp-client/own-client.ts';
import type { SchemaInfo } from './schema-info.types.ts';

const BUILD_DIGITS = 12;
const known = new WeakMap<GraphQLSchema, SchemaInfo>();

/** Printed once. */
export function schemaInfoOf(schema: GraphQLSchema): SchemaInfo {
  const info = known.get(schema) ?? {
    version: OWN_CLIENT.version,
    build: hash('sha256', printSchema(lexicographicSortSchema(schema)), 'hex').slice(0, BUILD_DIGITS),
    deprecations: deprecationsOf(schema),
  };
  known.set(schema, info);
  return info;
}

/** Such as `Query.old: Use new.` */
export function deprecationsOf(schema: GraphQLSchema): string[] {
  return Object.values(schema.getTypeMap()).flatMap((type) => {
    if (type.name.startsWith('__') || !(isObjectType(type) || isInterfaceType(type) || isInputObjectType(type))) return [];
    return Object.values(type.getFields()).flatMap(({ name, deprecationReason }) =>
      deprecationReason == null ? [] : [`${type.name}.${name}: ${deprecationReason}`],
    );
  });
}
