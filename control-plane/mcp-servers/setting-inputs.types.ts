/** The inputs of the operations that set one thing of a server. */
import { Field, ID, InputType, Int } from 'type-graphql';
import { AuthConfigInput } from './auth-inputs.types.ts';
import { SemanticFilterInputType } from '../content/content-filter.types.ts';
import { PricingInputType } from './governance-inputs.types.ts';
import { RULE_MODE } from './rule-mode.types.ts';

@InputType({ description: 'Whether something works.' })
export class SetEnabledInput {
  @Field(() => ID, { description: 'The server.' })
  id!: string;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the server has another version.' })
  expectedVersion!: number | null;

  @Field(() => Boolean, { description: 'Whether it works from the next call on.' })
  enabled!: boolean;
}

@InputType({ description: 'How Turnpike signs in upstream.' })
export class SetServerAuthInput {
  @Field(() => ID, { description: 'The server.' })
  id!: string;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the server has another version.' })
  expectedVersion!: number | null;

  @Field(() => AuthConfigInput, { description: 'The way, in the place of the old one.' })
  auth!: AuthConfigInput;
}

@InputType({ description: 'Which tools may be called; blocked wins.' })
export class SetToolRulesInput {
  @Field(() => ID, { description: 'The server.' })
  id!: string;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the server has another version.' })
  expectedVersion!: number | null;

  @Field(() => [String], { description: 'The only tools that may be called; empty means any.' })
  allowedTools!: string[];

  @Field(() => [String], { description: 'Tools that may not be called.' })
  blockedTools!: string[];

  @Field(() => RULE_MODE, { defaultValue: 'ENFORCE', description: 'OBSERVE only records.' })
  mode!: 'ENFORCE' | 'OBSERVE';

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}

@InputType({ description: 'What calls of a server cost from now on.' })
export class SetPricingInput {
  @Field(() => ID, { description: 'The server.' })
  serverId!: string;

  @Field(() => PricingInputType, { description: 'The prices.' })
  pricing!: PricingInputType;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the server has another version.' })
  expectedVersion!: number | null;
}

@InputType({ description: 'The filter of a server.' })
export class SetSemanticFilterInput {
  @Field(() => ID, { description: 'The server.' })
  serverId!: string;

  @Field(() => SemanticFilterInputType, { nullable: true, description: 'None removes it.' })
  filter!: SemanticFilterInputType | null;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the server has another version.' })
  expectedVersion!: number | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}
