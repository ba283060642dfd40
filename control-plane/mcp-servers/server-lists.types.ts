/** What is asked for in lists of servers, and the public shape of the inventory. */
import { ArgsType, Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { Transport, UpstreamAuthType } from '../../shared/mcp-server.ts';
import { connectionOf, PAGE_DEFAULT } from '../graphql/connection.ts';
import { FILTER_ACTION } from '../content/content-filter.types.ts';
import { BigIntString, DateTime } from '../graphql/scalars.ts';
import type { ServerHealth } from '../server-health/server-health.ts';
import { SERVER_HEALTH } from '../server-health/server-health.types.ts';
import { ORDER_DIRECTION } from '../usage/usage-filter.types.ts';
import type { McpServer } from './mcp-server.entity.ts';
import { McpServerType, SERVER_SOURCE, TRANSPORT } from './mcp-server.types.ts';
import { AUTH_TYPE } from './server-auth.types.ts';
import type { InventoryItem } from './inventory.ts';

const SERVER_ORDER_FIELD = { NAME: 'NAME', CREATED_AT: 'CREATED_AT', UPDATED_AT: 'UPDATED_AT', LAST_USED_AT: 'LAST_USED_AT' } as const;
registerEnumType(SERVER_ORDER_FIELD, { name: 'McpServerOrderField', description: 'What servers are ordered by; those that were never used stand last.' });

@InputType({ description: 'Which servers. Fields are joined by AND, a list by OR.' })
export class McpServerFilter {
  @Field(() => String, { nullable: true, description: 'Part of the name, the slug or the description.' })
  search!: string | null;

  @Field(() => [String], { nullable: true, description: 'Exactly these.' })
  slug!: string[] | null;

  @Field(() => [TRANSPORT], { nullable: true, description: 'Reached so.' })
  transport!: Transport[] | null;

  @Field(() => [AUTH_TYPE], { nullable: true, description: 'Signed in to so.' })
  authType!: UpstreamAuthType[] | null;

  @Field(() => [SERVER_SOURCE], { nullable: true, description: 'From there.' })
  source!: McpServer['source'][] | null;

  @Field(() => [SERVER_HEALTH], { nullable: true, description: 'How they are.' })
  health!: ServerHealth[] | null;

  @Field(() => Boolean, { nullable: true, description: 'Whether they may be called.' })
  enabled!: boolean | null;

  @Field(() => Boolean, { nullable: true, description: 'Whether they are on the public Internet.' })
  isPublic!: boolean | null;

  @Field(() => [ID], { nullable: true, description: 'Those of these teams alone.' })
  teamId!: string[] | null;

  @Field(() => [ID], { nullable: true, description: 'Those that one of these keys holds a grant for.' })
  grantedTo!: string[] | null;
}

@InputType({ description: 'The order of servers.' })
export class McpServerOrder {
  @Field(() => SERVER_ORDER_FIELD, { description: 'By what.' })
  field!: keyof typeof SERVER_ORDER_FIELD;

  @Field(() => ORDER_DIRECTION, { defaultValue: 'ASC', description: 'Which first.' })
  direction!: keyof typeof ORDER_DIRECTION;
}

@ArgsType()
export class ServersArgs {
  @Field(() => Int, { defaultValue: PAGE_DEFAULT })
  first!: number;

  @Field(() => String, { nullable: true })
  after!: string | null;

  @Field(() => Int, { nullable: true, description: 'In the place of `first`: the last ones, in front of `before`.' })
  last!: number | null;

  @Field(() => String, { nullable: true })
  before!: string | null;

  @Field(() => McpServerFilter, { nullable: true })
  filter!: McpServerFilter | null;

  @Field(() => McpServerOrder, { nullable: true })
  orderBy!: McpServerOrder | null;
}

@ArgsType()
export class InventoryArgs {
  @Field(() => Int, { defaultValue: PAGE_DEFAULT })
  first!: number;

  @Field(() => String, { nullable: true })
  after!: string | null;

  @Field(() => McpServerFilter, { nullable: true })
  filter!: McpServerFilter | null;
}

@ObjectType('InventoryItem', { description: 'A server with what it holds, and what it was used for in the last 30 days.' })
export class InventoryItemType {
  @Field(() => McpServerType, { description: 'The server.' })
  server!: McpServerType;

  @Field(() => Int, { description: 'Tools that it listed the last time.' })
  toolCount!: number;

  @Field(() => Int, { description: 'Those that its rules, switches and reviews let be called.' })
  enabledToolCount!: number;

  @Field(() => [String], { description: '`ORGANISATION`, `TEAM` and its slug, or `API_KEY` and its prefix.' })
  scopes!: readonly string[];

  @Field(() => FILTER_ACTION, { nullable: true, description: 'What its semantic filter does; null when it has none.' })
  dlpAction!: InventoryItem['dlpAction'];

  @Field(() => SERVER_HEALTH, { description: 'How it was when it was last called or looked at.' })
  status!: InventoryItem['status'];

  @Field(() => DateTime, { nullable: true, description: 'The last recorded request to it, within a minute.' })
  lastActivityAt!: Date | null;

  @Field(() => BigIntString, { description: 'Requests in the last 30 days.' })
  calls30d!: string;

  @Field(() => Int, { description: 'Tools that may be called and were not in the last 30 days.' })
  unusedTools!: number;

  @Field(() => Int, { description: 'Tools that may be called and are classed DESTRUCTIVE or OPEN_WORLD.' })
  riskyTools!: number;
}

export const InventoryItemConnection = connectionOf('InventoryItem', () => InventoryItemType);
