/** The public shape of prices. */
import { Field, ObjectType } from 'type-graphql';
import { DateTime, NanoUsd } from '../graphql/scalars.ts';

@ObjectType({ description: 'Prices of one tool, in the place of the server’s.' })
export class ToolPriceOverride {
  @Field(() => String, { description: 'The tool.' })
  tool!: string;

  @Field(() => NanoUsd, { description: 'For a call.' })
  callNanosUsd!: string;

  @Field(() => NanoUsd, { description: 'For a byte of the request.' })
  inputByteNanosUsd!: string;

  @Field(() => NanoUsd, { description: 'For a byte of the answer.' })
  outputByteNanosUsd!: string;
}

@ObjectType('Pricing', { description: 'What a call costs: call + input bytes + output bytes, exact, rounded half up once.' })
export class PricingType {
  @Field(() => NanoUsd, { description: 'For a call.' })
  callNanosUsd!: string;

  @Field(() => NanoUsd, { description: 'For a byte of the request.' })
  inputByteNanosUsd!: string;

  @Field(() => NanoUsd, { description: 'For a byte of the answer.' })
  outputByteNanosUsd!: string;

  @Field(() => String, { description: 'As it was entered.' })
  usdPerMillionCalls!: string;

  @Field(() => String, { description: 'As it was entered.' })
  usdPerMillionInputBytes!: string;

  @Field(() => String, { description: 'As it was entered.' })
  usdPerMillionOutputBytes!: string;

  @Field(() => [String], { description: 'JSON-RPC methods that cost something; `*` is all.' })
  pricedMethods!: string[];

  @Field(() => [ToolPriceOverride], { description: 'Tools with prices of their own.' })
  toolOverrides!: ToolPriceOverride[];

  @Field(() => DateTime, { nullable: true, description: 'When it was last set.' })
  updatedAt!: Date | null;
}
