/** The public shape of simulations. */
import { Field, ID, Int, ObjectType } from 'type-graphql';
import { DateTime } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { DECISION } from '../usage/usage.types.ts';

@ObjectType({ description: 'How a call ended, or would have.' })
export class SimulatedEnding {
  @Field(() => DECISION, { description: 'What became of it.' })
  decision!: keyof typeof DECISION;

  @Field(() => String, { nullable: true, description: 'Why, as `code/reason`.' })
  reason!: string | null;
}

@ObjectType({ description: 'Calls that ended in one way and would have ended in another.' })
export class SimulatedTransition {
  @Field(() => SimulatedEnding, { description: 'As it was.' })
  before!: SimulatedEnding;

  @Field(() => SimulatedEnding, { description: 'As it would have been.' })
  after!: SimulatedEnding;

  @Field(() => Int, { description: 'How many.' })
  calls!: number;
}

@ObjectType({ description: 'How many of the changed calls were of one key, user, team, client, server or tool.' })
export class SimulatedShare {
  @Field(() => String, { description: 'Its id, or its name where it has none.' })
  value!: string;

  @Field(() => String, { description: 'What people know it by.' })
  label!: string;

  @Field(() => Int, { description: 'How many.' })
  calls!: number;
}

@ObjectType({ description: 'Whose calls would change, the most first; ten of each.' })
export class SimulatedShares {
  @Field(() => [SimulatedShare], { description: 'By key.' })
  keys!: readonly SimulatedShare[];

  @Field(() => [SimulatedShare], { description: 'By user.' })
  users!: readonly SimulatedShare[];

  @Field(() => [SimulatedShare], { description: 'By team.' })
  teams!: readonly SimulatedShare[];

  @Field(() => [SimulatedShare], { description: 'By what clients call themselves.' })
  clients!: readonly SimulatedShare[];

  @Field(() => [SimulatedShare], { description: 'By server.' })
  servers!: readonly SimulatedShare[];

  @Field(() => [SimulatedShare], { description: 'By tool.' })
  tools!: readonly SimulatedShare[];
}

@ObjectType({ description: 'A call that would have ended otherwise.' })
export class SimulatedExample {
  @Field(() => ID, { description: 'Its usage record.' })
  recordId!: string;

  @Field(() => String, { description: 'The id of the request.' })
  requestId!: string;

  @Field(() => DateTime, { description: 'When it came.' })
  occurredAt!: Date;

  @Field(() => String, { nullable: true, description: 'Of the key.' })
  apiKeyPrefix!: string | null;

  @Field(() => String, { nullable: true, description: 'Of the server.' })
  serverSlug!: string | null;

  @Field(() => String, { nullable: true, description: 'The tool.' })
  tool!: string | null;

  @Field(() => SimulatedEnding, { description: 'As it was.' })
  before!: SimulatedEnding;

  @Field(() => SimulatedEnding, { description: 'As it would have been.' })
  after!: SimulatedEnding;

  @Field(() => String, { nullable: true, description: 'Where in the draft the deciding rule stands; null when the draft lets the call through.' })
  path!: string | null;
}

@ObjectType({ description: 'What a draft would have done to recorded traffic.' })
export class PolicySimulation {
  @Field(() => DateTime, { description: 'The first moment that was looked at.' })
  gte!: Date;

  @Field(() => DateTime, { description: 'The first moment after it.' })
  lt!: Date;

  @Field(() => Int, { description: 'Calls in the scope of the draft that were looked at.' })
  judged!: number;

  @Field(() => Int, { description: 'Those of them of which the records do not say enough.' })
  unjudged!: number;

  @Field(() => Int, { description: 'Those that would have ended otherwise.' })
  changed!: number;

  @Field(() => Boolean, { description: 'Whether there were more than were looked at.' })
  truncated!: boolean;

  @Field(() => [SimulatedTransition], { description: 'From what to what, the most first.' })
  transitions!: readonly SimulatedTransition[];

  @Field(() => SimulatedShares, { description: 'Whose.' })
  whose!: SimulatedShares;

  @Field(() => [SimulatedExample], { description: 'The first twenty.' })
  examples!: SimulatedExample[];

  @Field(() => [String], { description: 'What no record can tell.' })
  notes!: readonly string[];
}

@ObjectType({ description: 'The simulation.' })
export class SimulatePolicyPayload {
  @Field(() => PolicySimulation, { nullable: true, description: 'Null when the input was refused.' })
  simulation!: PolicySimulation | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}
