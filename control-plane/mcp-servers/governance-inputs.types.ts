/** The inputs of prices and filters, which stand in a new server as well as in operations of their own. */
import { Field, InputType } from 'type-graphql';
import { FILTER_ACTION, FILTER_DIRECTION } from './mcp-server.types.ts';

@InputType('SemanticFilterInput', { description: 'Words and patterns that messages must not hold.' })
export class SemanticFilterInputType {
  @Field(() => [String], { nullable: true, description: 'Found whatever their case, width or spacing.' })
  blockedKeywords!: string[] | null;

  @Field(() => [String], { nullable: true, description: 'RE2 syntax.' })
  blockedPatterns!: string[] | null;

  @Field(() => [FILTER_DIRECTION], { nullable: true, description: 'What it looks at; requests when not given.' })
  applyTo!: string[] | null;

  @Field(() => FILTER_ACTION, { nullable: true, description: 'What it does with a match; BLOCK when not given.' })
  action!: string | null;
}

@InputType({ description: 'Prices of one tool, in the place of the server’s.' })
export class ToolPriceOverrideInput {
  @Field(() => String, { description: 'The tool.' })
  tool!: string;

  @Field(() => String, { nullable: true, description: 'Such as "2.00".' })
  usdPerMillionCalls!: string | null;

  @Field(() => String, { nullable: true, description: 'Such as "0.50".' })
  usdPerMillionInputBytes!: string | null;

  @Field(() => String, { nullable: true, description: 'Such as "1.00".' })
  usdPerMillionOutputBytes!: string | null;
}

@InputType('PricingInput', { description: 'Prices in USD per million; what is not given stays.' })
export class PricingInputType {
  @Field(() => String, { nullable: true, description: 'Such as "2.00".' })
  usdPerMillionCalls!: string | null;

  @Field(() => String, { nullable: true, description: 'Such as "0.50".' })
  usdPerMillionInputBytes!: string | null;

  @Field(() => String, { nullable: true, description: 'Such as "1.00".' })
  usdPerMillionOutputBytes!: string | null;

  @Field(() => [String], { nullable: true, description: 'JSON-RPC methods that cost something; `*` is all.' })
  pricedMethods!: string[] | null;

  @Field(() => [ToolPriceOverrideInput], { nullable: true, description: 'Tools with prices of their own, in the place of all there were.' })
  toolOverrides!: ToolPriceOverrideInput[] | null;
}
