/** The public shape of policies. */
import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { POLICY_SCOPES, type PolicyEnvelope, type PolicyScope } from '../../shared/policy.ts';
import { FieldChangeType } from '../graphql/field-change.types.ts';
import { DateTime, Json } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { RULE_MODE } from '../mcp-servers/rule-mode.types.ts';
import { Node } from '../nodes/node.types.ts';

export const POLICY_SCOPE = Object.fromEntries(POLICY_SCOPES.map((scope) => [scope, scope]));
registerEnumType(POLICY_SCOPE, {
  name: 'PolicyScope',
  description: 'Where a policy stands; a request must satisfy the policy of every scope that it falls under.',
});

@ObjectType('Policy', {
  implements: Node,
  description: 'Address lists, request rates, payload and concurrency limits, and breakers against loops, of one owner.',
})
export class PolicyType {
  @Field(() => ID, { description: 'Of the form `pol_…`.' })
  id!: string;

  @Field(() => POLICY_SCOPE, { description: 'What the owner is.' })
  scope!: PolicyScope;

  @Field(() => ID, { description: 'Organisation, team, user, key or server; `GLOBAL` for the operator’s.' })
  ownerId!: string;

  @Field(() => RULE_MODE, { description: 'OBSERVE refuses nothing: records say what it would have done.' })
  mode!: keyof typeof RULE_MODE;

  @Field(() => Json, { description: 'The envelope `{policies: {ip, ratelimit, loops}}`.' })
  envelope!: PolicyEnvelope;

  @Field(() => Json, { nullable: true, description: 'An envelope that is tried out beside it, and only observes.' })
  trial!: PolicyEnvelope | null | undefined;

  @Field(() => Int, { description: 'Grows with every change; give it as `expectedVersion`.' })
  version!: number;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  updatedAt!: Date;
}

@InputType('SetPolicyInput', { description: 'A policy for one owner.' })
export class SetPolicyInputType {
  @Field(() => POLICY_SCOPE, { description: 'What the owner is. The GLOBAL policy is the operator’s, who sets it by file.' })
  scope!: PolicyScope;

  @Field(() => ID, { nullable: true, description: 'Team, user, key or server; the organisation needs none.' })
  ownerId!: string | null;

  @Field(() => Json, { description: 'The envelope `{policies: {ip, ratelimit, loops}}`; unknown keys are refused. An empty one takes the policy away.' })
  policies!: unknown;

  @Field(() => RULE_MODE, { defaultValue: 'ENFORCE', description: 'OBSERVE refuses nothing: records say what it would have done.' })
  mode!: keyof typeof RULE_MODE;

  @Field(() => Json, { nullable: true, description: 'An envelope that is tried out beside it, and only observes; left out, none is.' })
  trial!: unknown;

  @Field(() => Boolean, { defaultValue: false, description: 'Lets rules stand that refuse every call, such as a limit of 0.' })
  mayDenyAll!: boolean;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the policy has another version.' })
  expectedVersion!: number | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}

@ObjectType({ description: 'The policy as it stands now.' })
export class PolicyPayload {
  @Field(() => PolicyType, { nullable: true, description: 'Null when it was taken away, or the input was refused.' })
  policy!: PolicyType | null;

  @Field(() => [FieldChangeType], { description: 'What is, or in a dry run would be, different.' })
  changes!: readonly FieldChangeType[];

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}
