/** The public shape of agents, their clients, and clients that count as none of them. */
import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { ApiKeyType } from '../api-keys/api-key.types.ts';
import { connectionOf } from '../graphql/connection.ts';
import { BigIntString, DateTime } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { McpServerType } from '../mcp-servers/mcp-server.types.ts';
import { RULE_MODE } from '../mcp-servers/rule-mode.types.ts';
import { Node } from '../nodes/node.types.ts';
import type { StoredAgentClient } from './agent.entity.ts';

export const AGENT_KIND = { PREDEFINED: 'PREDEFINED', CUSTOM: 'CUSTOM' } as const;
registerEnumType(AGENT_KIND, { name: 'AgentKind', description: 'PREDEFINED agents come with the product, CUSTOM ones are the organisation’s own.' });

@ObjectType('AgentClient', { implements: Node, description: 'One way in which an agent comes, with the servers that it may call so.' })
export class AgentClientType {
  @Field(() => ID, { description: 'Of the form `agc_…`.' })
  id!: string;

  @Field(() => String, { description: 'For people.' })
  name!: string;

  @Field(() => String, { nullable: true, description: 'What the client calls itself, with `*` and `?`; null for the names by which the agent is known.' })
  clientNamePattern!: string | null;

  @Field(() => String, { nullable: true, description: 'Versions of the client, such as `>=1.2 <2`; null for all.' })
  versionRange!: string | null;

  @Field(() => [McpServerType], { description: 'The servers that it may call, where a key is granted them.' })
  allowedServers?: unknown;

  @Field(() => DateTime, { nullable: true, description: 'Its last recorded request. Needs USAGE_READ.' })
  lastSeenAt?: Date | null;

  @Field(() => BigIntString, { description: 'Its requests in the last 24 hours. Needs USAGE_READ.' })
  callCount24h?: string;
}

@ObjectType('Agent', { implements: Node, description: 'A program that calls tools, such as Claude Code, and the servers that its clients may call.' })
export class AgentType {
  @Field(() => ID, { description: 'Of the form `agt_…`.' })
  id!: string;

  @Field(() => String, { description: 'Unique in the organisation.' })
  slug!: string;

  @Field(() => String, { description: 'For people.' })
  name!: string;

  @Field(() => AGENT_KIND, { description: 'Whether it comes with the product.' })
  kind!: keyof typeof AGENT_KIND;

  @Field(() => RULE_MODE, { description: 'OBSERVE lets its clients call every server, and notes what ENFORCE would have refused.' })
  mode!: keyof typeof RULE_MODE;

  @Field(() => [AgentClientType], { description: 'Its clients; none while nobody has mapped it.' })
  clients!: readonly StoredAgentClient[];

  @Field(() => [String], { description: 'Patterns of the names by which the clients of a predefined agent are known.' })
  knownClientNames?: readonly string[];

  @Field(() => Int, { description: 'Grows with every change; give it as `expectedVersion`. Zero while nobody has mapped a predefined agent.' })
  version!: number;

  @Field(() => DateTime, { nullable: true, description: 'When it was made, or first mapped.' })
  createdAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was last changed.' })
  updatedAt!: Date | null;
}

export const AgentConnection = connectionOf('Agent', () => AgentType);

@ObjectType('UnmappedClient', { description: 'A client that was seen in the traffic and counts as no agent.' })
export class UnmappedClientType {
  @Field(() => String, { description: 'What it calls itself.' })
  clientName!: string;

  @Field(() => String, { nullable: true, description: 'In which version.' })
  clientVersion!: string | null;

  @Field(() => DateTime, { description: 'Its first recorded request.' })
  firstSeenAt!: Date;

  @Field(() => DateTime, { description: 'Its last one.' })
  lastSeenAt!: Date;

  @Field(() => BigIntString, { description: 'Its requests since the first one.' })
  calls!: string;

  @Field(() => [ApiKeyType], { description: 'Keys that it came with, at most twenty.' })
  apiKeys?: unknown;

  @Field(() => AgentType, { nullable: true, description: 'A predefined agent that is known by that name; map it to give the client its servers.' })
  looksLike!: AgentType | null;
}

export const UnmappedClientConnection = connectionOf('UnmappedClient', () => UnmappedClientType);

@InputType('AgentClientInput', { description: 'A client of an agent.' })
export class AgentClientInputType {
  @Field(() => ID, { nullable: true, description: 'Of a client that is there already; without it, a new one is made.' })
  id!: string | null;

  @Field(() => String, { description: 'For people.' })
  name!: string;

  @Field(() => String, {
    nullable: true,
    description: 'What the client calls itself, with `*` and `?`. Predefined agents have names that they are known by without it.',
  })
  clientNamePattern!: string | null;

  @Field(() => String, { nullable: true, description: 'Versions, such as `>=1.2 <2`, or `1.2` for all that begin so.' })
  versionRange!: string | null;

  @Field(() => [ID], { description: 'Servers that it may call, where a key is granted them.' })
  allowedServerIds!: string[];
}

@InputType('CreateAgentInput', { description: 'An agent of the organisation’s own.' })
export class CreateAgentInputType {
  @Field(() => String, { description: 'For people.' })
  name!: string;

  @Field(() => String, { nullable: true, description: 'Made of the name when it is not given.' })
  slug!: string | null;

  @Field(() => RULE_MODE, { defaultValue: 'ENFORCE', description: 'OBSERVE refuses nothing, and notes what would have been.' })
  mode!: keyof typeof RULE_MODE;

  @Field(() => [AgentClientInputType], { nullable: true, description: 'Its clients.' })
  clients!: AgentClientInputType[] | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}

@InputType('UpdateAgentInput', { description: 'What changes of an agent; what is not given stays.' })
export class UpdateAgentInputType {
  @Field(() => ID, { description: 'The agent.' })
  id!: string;

  @Field(() => String, { nullable: true, description: 'Another name; a predefined agent keeps its own.' })
  name!: string | null;

  @Field(() => RULE_MODE, { nullable: true, description: 'OBSERVE refuses nothing, and notes what would have been.' })
  mode!: keyof typeof RULE_MODE | null;

  @Field(() => [AgentClientInputType], { nullable: true, description: 'All of its clients; one that is left out is gone.' })
  clients!: AgentClientInputType[] | null;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the agent has another version.' })
  expectedVersion!: number | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}

@InputType('DeleteAgentInput', { description: 'Which agent goes.' })
export class DeleteAgentInputType {
  @Field(() => ID, { description: 'The agent.' })
  id!: string;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the agent has another version.' })
  expectedVersion!: number | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers whether it could go, and changes nothing.' })
  dryRun!: boolean;
}

@ObjectType({ description: 'The agent as it stands now.' })
export class AgentPayload {
  @Field(() => AgentType, { nullable: true, description: 'Null when the input was refused.' })
  agent!: AgentType | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}
