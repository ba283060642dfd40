/** The public shape of discovered tools. */
import { Field, ID, ObjectType } from 'type-graphql';
import { connectionOf } from '../graphql/connection.ts';
import { DateTime, Json, JsonObject } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { McpServerType } from '../mcp-servers/mcp-server.types.ts';
import { Node } from '../nodes/node.types.ts';
import { TOOL_FLAG, TOOL_RISK, TOOL_STATE } from './tool-enums.types.ts';

@ObjectType({ description: 'One difference between the approved definition of a tool and what its server lists now.' })
export class ToolDifferenceType {
  @Field(() => String, { description: 'JSON pointer into the definition.' })
  path!: string;

  @Field(() => Json, { nullable: true, description: 'Null for what was not there.' })
  before!: unknown;

  @Field(() => Json, { nullable: true, description: 'Null for what is no longer there.' })
  after!: unknown;
}

@ObjectType('Tool', { implements: Node, description: 'A tool as its server lists it, and what people have decided of it.' })
export class ToolType {
  @Field(() => ID, { description: 'Of the form `tol_…`.' })
  id!: string;

  @Field(() => String, { description: 'By which it is called.' })
  name!: string;

  @Field(() => String, { nullable: true, description: 'For people.' })
  title?: string | null;

  @Field(() => String, { nullable: true, description: 'What models read of it.' })
  description?: string | null;

  @Field(() => JsonObject, { nullable: true, description: 'JSON Schema of its arguments.' })
  inputSchema?: Record<string, unknown> | null;

  @Field(() => JsonObject, { nullable: true, description: 'JSON Schema of its structured results.' })
  outputSchema?: Record<string, unknown> | null;

  @Field(() => JsonObject, { nullable: true, description: 'The hints of its server.' })
  annotations?: Record<string, unknown> | null;

  @Field(() => TOOL_RISK, { description: 'By its hints, else by its name, unless somebody corrected it.' })
  risk!: keyof typeof TOOL_RISK;

  @Field(() => TOOL_RISK, { nullable: true, description: 'What somebody has corrected it to.' })
  correctedRisk?: keyof typeof TOOL_RISK | null | undefined;

  @Field(() => TOOL_STATE, { description: 'Whether it was reviewed, and is as it was then.' })
  state?: keyof typeof TOOL_STATE;

  @Field(() => Boolean, { description: 'False for a tool that somebody switched off.' })
  enabled!: boolean;

  @Field(() => String, {
    nullable: true,
    description: 'Why it is hidden and refused, as a reason of `mcp_guardrail_block`; null when state, switch and review let it be called.',
  })
  refusedAs?: string | null;

  @Field(() => [TOOL_FLAG], { description: 'What to look at twice.' })
  flags?: (keyof typeof TOOL_FLAG)[];

  @Field(() => [ID], { description: 'Other servers of the organisation that have a tool of this name.' })
  sameNameServerIds?: string[];

  @Field(() => String, { description: 'SHA-256 over the canonical JSON (RFC 8785) of name, title, description, schemas and annotations.' })
  fingerprint!: string;

  @Field(() => String, { description: 'Of the definition that was approved, or first seen.' })
  approvedFingerprint!: string;

  @Field(() => [ToolDifferenceType], { description: 'What is different from the approved definition.' })
  changes?: ToolDifferenceType[];

  @Field(() => Boolean, { description: 'Its server did not list it the last time.' })
  isGone!: boolean;

  @Field(() => DateTime, { description: 'When discovery first saw it.' })
  firstSeenAt!: Date;

  @Field(() => DateTime, { description: 'When discovery last saw it.' })
  lastSeenAt!: Date;

  @Field(() => DateTime, { nullable: true, description: 'When its definition last changed.' })
  changedAt?: Date | null | undefined;

  @Field(() => DateTime, { nullable: true, description: 'When somebody last approved it.' })
  reviewedAt?: Date | null | undefined;
}

export const ToolConnection = connectionOf('Tool', () => ToolType);

@ObjectType({ description: 'The tools as they stand now.' })
export class ToolsPayload {
  @Field(() => McpServerType, { nullable: true, description: 'Their server; null when the input was refused.' })
  server!: McpServerType | null;

  @Field(() => [ToolType], { description: 'Those that the input names.' })
  tools!: readonly ToolType[];

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}

@ObjectType({ description: 'What was approved of one tool.' })
export class AcceptedToolChange {
  @Field(() => String, { description: 'The tool.' })
  tool!: string;

  @Field(() => [ToolDifferenceType], { description: 'From the definition that was approved before to that which is now; none for a first review.' })
  changes!: readonly ToolDifferenceType[];
}

@ObjectType({ description: 'The tools as they stand now, and what was approved of them.' })
export class AcceptToolChangesPayload extends ToolsPayload {
  @Field(() => [AcceptedToolChange], { description: 'The differences, tool by tool.' })
  accepted!: readonly AcceptedToolChange[];
}
