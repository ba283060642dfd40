/** The public shape of policies. */
import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { DateTime, Json } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import type { PolicyEnvelope } from '../../shared/policy.ts';
import { Node } from '../nodes/node.types.ts';
import type { OwnedScope } from './policy.entity.ts';

export const POLICY_SCOPE = { ORGANISATION: 'ORGANISATION', TEAM: 'TEAM', API_KEY: 'API_KEY', MCP_SERVER: 'MCP_SERVER' } as const;
registerEnumType(POLICY_SCOPE, {
  name: 'PolicyScope',
  description: 'Where a policy stands; a request must satisfy the policy of every scope that it falls under.',
});

@ObjectType('Policy', { implements: Node, description: 'Address lists, request rates, payload and concurrency limits of one owner.' })
export class PolicyType {
  @Field(() => ID, { description: 'Of the form `pol_…`.' })
  id!: string;

  @Field(() => POLICY_SCOPE, { description: 'What the owner is.' })
  scope!: OwnedScope;

  @Field(() => ID, { description: 'Organisation, team, key or server.' })
  ownerId!: string;

  @Field(() => Json, { description: 'The envelope `{policies: {ip, ratelimit}}`.' })
  envelope!: PolicyEnvelope;

  @Field(() => Int, { description: 'Grows with every change; give it as `expectedVersion`.' })
  version!: number;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  updatedAt!: Date;
}

@InputType('SetPolicyInput', { description: 'A policy for one owner.' })
export class SetPolicyInputType {
  @Field(() => POLICY_SCOPE, { description: 'What the owner is.' })
  scope!: OwnedScope;

  @Field(() => ID, { nullable: true, description: 'Team, key or server; the organisation needs none.' })
  ownerId!: string | null;

  @Field(() => Json, { description: 'The envelope `{policies: {ip, ratelimit}}`; unknown keys are refused.' })
  policies!: unknown;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the policy has another version.' })
  expectedVersion!: number | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}

@ObjectType({ description: 'The policy as it stands now.' })
export class PolicyPayload {
  @Field(() => PolicyType, { nullable: true, description: 'Null when the input was refused.' })
  policy!: PolicyType | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}
