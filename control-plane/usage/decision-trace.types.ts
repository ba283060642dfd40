/** The public shape of a decision, step by step. */
import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';

export const DECISION_OUTCOME = { PASS: 'PASS', DENY: 'DENY', OBSERVE: 'OBSERVE', SKIPPED: 'SKIPPED' } as const;
registerEnumType(DECISION_OUTCOME, {
  name: 'DecisionOutcome',
  description:
    'PASS: the step let the request go on. DENY: it ended there. OBSERVE: a rule would have refused it, if it were enforced. SKIPPED: it did not come so far.',
});

@ObjectType({ description: 'The rule that decided.' })
export class RuleRef {
  @Field(() => String, { description: 'The noun that carries it.' })
  kind!: string;

  @Field(() => ID, { nullable: true, description: 'Which one.' })
  id!: string | null;

  @Field(() => String, { description: 'Where in it.' })
  path!: string;

  @Field(() => String, { description: 'What people know the noun by; its kind, where it is gone.' })
  label?: string;

  @Field(() => String, { nullable: true, description: 'The page of the console where the rule is edited; null where there is none, or the noun is gone.' })
  href?: string | null;
}

@ObjectType({ description: 'One step of the access flow (docs/access-flow.md).' })
export class DecisionStep {
  @Field(() => Int, { description: 'From 1 to 17.' })
  order!: number;

  @Field(() => String, { description: 'What it is called.' })
  name!: string;

  @Field(() => DECISION_OUTCOME, { description: 'What became of the request there.' })
  outcome!: keyof typeof DECISION_OUTCOME;

  @Field(() => String, { nullable: true, description: 'Why it was refused, or would have been, as `code/reason`.' })
  reason!: string | null;

  @Field(() => String, { nullable: true, description: 'The same for a person.' })
  detail!: string | null;

  @Field(() => RuleRef, { nullable: true, description: 'The rule that decided.' })
  rule!: RuleRef | null;

  @Field(() => Int, { nullable: true, description: 'How long it took, in microseconds; records do not know.' })
  durationUs!: number | null;
}

@ObjectType({ description: 'How a request came to its end.' })
export class DecisionTrace {
  @Field(() => [DecisionStep], { description: 'All seventeen, in their order.' })
  steps!: DecisionStep[];
}
