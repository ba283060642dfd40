/** The public shape of audit events, and what they are asked for. */
import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { connectionOf } from '../graphql/connection.ts';
import { BigIntString, DateTime, Json } from '../graphql/scalars.ts';
import { Node } from '../nodes/node.types.ts';
import { DateTimeRange } from '../usage/usage-filter.types.ts';

@ObjectType('AuditEvent', {
  implements: Node,
  description: 'One change: who made it, of what, from what to what. Events are never changed; docs/audit.md has their chain.',
})
export class AuditEventType {
  @Field(() => ID, { description: 'Of the form `aud_…`.' })
  id!: string;

  @Field(() => BigIntString, { description: 'Its place in the chain of the organisation, from 1 on and without gaps.' })
  position!: string;

  @Field(() => DateTime, { description: 'When it was made.' })
  occurredAt!: Date;

  @Field(() => String, { description: 'What made it: `ADMIN_TOKEN`, `USER`, `SCHEDULE`, or `OPERATOR` for a command on the machine itself.' })
  actorKind!: string;

  @Field(() => ID, { description: 'Which one.' })
  actorId!: string;

  @Field(() => String, {
    description: 'The mutation; `setGrant` and `removeGrant` for each grant of `setGrants`, and `rotateSecrets` for the command of that name.',
  })
  action!: string;

  @Field(() => ID, { description: 'What was changed.' })
  targetId!: string;

  @Field(() => String, { description: 'What it was called then.' })
  targetLabel!: string;

  @Field(() => Json, { nullable: true, description: 'As it was; null when it was made. Of secrets at most their fingerprints.' })
  before!: unknown;

  @Field(() => Json, { nullable: true, description: 'As it is; null when it was taken away.' })
  after!: unknown;

  @Field(() => String, { description: 'Of the request: changes of one mutation share it.' })
  requestId!: string;

  @Field(() => String, { description: 'SHA-256 over the hash before and this event.' })
  hash!: string;

  @Field(() => String, { nullable: true, description: 'Of the event before; null for the first.' })
  previousHash!: string | null;
}

export const AuditEventConnection = connectionOf('AuditEvent', () => AuditEventType);

@InputType('AuditFilter', { description: 'Which events: fields are joined by AND, a list by OR.' })
export class AuditFilterInput {
  @Field(() => DateTimeRange, { nullable: true, description: 'When they were made.' })
  range!: DateTimeRange | null;

  @Field(() => [ID], { nullable: true, description: 'Who made them.' })
  actorId!: string[] | null;

  @Field(() => [String], { nullable: true, description: 'Mutations.' })
  action!: string[] | null;

  @Field(() => [ID], { nullable: true, description: 'What was changed.' })
  targetId!: string[] | null;

  @Field(() => [String], { nullable: true, description: 'By which requests.' })
  requestId!: string[] | null;

  @Field(() => String, { nullable: true, description: 'A part of the action, of the target’s name or of its id, whatever the case.' })
  search!: string | null;
}
