/** The inputs of prices, which stand in a new server as well as in an operation of their own. */
import { Field, InputType } from 'type-graphql';

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
