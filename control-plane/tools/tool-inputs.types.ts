/** The inputs on discovered tools. */
import { Field, ID, InputType, Int } from 'type-graphql';
import { RULE_MODE } from '../mcp-servers/rule-mode.types.ts';
import { TOOL_REVIEW, TOOL_RISK, TOOL_STATE } from './tool-enums.types.ts';

@InputType('ToolFilter', { description: 'All that is given must hold; a list holds when one of its members does.' })
export class ToolFilterType {
  @Field(() => String, { nullable: true, description: 'Part of the name, whatever its case.' })
  search!: string | null;

  @Field(() => [TOOL_STATE], { nullable: true, description: 'States.' })
  state!: (keyof typeof TOOL_STATE)[] | null;

  @Field(() => [TOOL_RISK], { nullable: true, description: 'Classes, corrected ones first.' })
  risk!: (keyof typeof TOOL_RISK)[] | null;

  @Field(() => Boolean, { nullable: true, description: 'Whether they are switched on.' })
  enabled!: boolean | null;
}

@InputType({ description: 'Tools to switch on or off.' })
export class SetToolsEnabledInput {
  @Field(() => ID, { description: 'The server.' })
  serverId!: string;

  @Field(() => [String], { description: 'Names of discovered tools.' })
  tools!: string[];

  @Field(() => Boolean, { description: 'Whether they may be called, as far as this switch goes.' })
  enabled!: boolean;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}

@InputType({ description: 'Tools whose class is another one than hints and names say.' })
export class SetToolRiskInput {
  @Field(() => ID, { description: 'The server.' })
  serverId!: string;

  @Field(() => [String], { description: 'Names of discovered tools.' })
  tools!: string[];

  @Field(() => TOOL_RISK, { nullable: true, description: 'Null goes back to what hints and name say.' })
  risk!: keyof typeof TOOL_RISK | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}

@InputType({ description: 'Definitions to approve, each as it was seen.' })
export class AcceptToolChangesInput {
  @Field(() => ID, { description: 'The server.' })
  serverId!: string;

  @Field(() => [String], { description: 'Names of discovered tools, new or changed.' })
  tools!: string[];

  @Field(() => [String], { description: '`fingerprint` of each of them, in the same order: refused with STALE_VERSION when a tool has changed again.' })
  fingerprints!: string[];

  @Field(() => Boolean, { defaultValue: false, description: 'Answers the differences, and approves nothing.' })
  dryRun!: boolean;
}

@InputType({ description: 'How the tools of a server are looked after; what is not given stays.' })
export class SetToolReviewInput {
  @Field(() => ID, { description: 'The server.' })
  id!: string;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the server has another version.' })
  expectedVersion!: number | null;

  @Field(() => TOOL_REVIEW, { nullable: true, description: 'Which tools stay off until somebody has reviewed them.' })
  review!: keyof typeof TOOL_REVIEW | null;

  @Field(() => RULE_MODE, { nullable: true, description: 'Whether a changed tool is hidden and refused, or only recorded.' })
  changeMode!: keyof typeof RULE_MODE | null;

  @Field(() => Int, { nullable: true, description: 'How often tools are discovered anew, in minutes from 5; null takes the schedule away.' })
  discoveryMinutes?: number | null;
}
