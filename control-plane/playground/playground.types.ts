/** The public shape of calls from the playground. */
import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { AccessExplanation } from '../explain/explain.types.ts';
import { Json, JsonObject } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { UsageRecordType } from '../usage/usage.types.ts';

@InputType({ description: 'A call that is made, in the name of a key.' })
export class CallToolInput {
  @Field(() => ID, { description: 'The server.' })
  serverId!: string;

  @Field(() => String, { description: 'The tool.' })
  tool!: string;

  @Field(() => JsonObject, { nullable: true, description: 'Its arguments. They are sent, and kept nowhere.' })
  arguments!: Record<string, unknown> | null;

  @Field(() => ID, { description: 'The key in whose name it is made: it is granted, limited, priced and recorded as its own.' })
  asApiKeyId!: string;
}

@ObjectType({ description: 'What became of the call.' })
export class CallToolPayload {
  @Field(() => String, { nullable: true, description: 'The id of the request; `usageRecord(requestId)` finds it.' })
  requestId!: string | null;

  @Field(() => Int, { nullable: true, description: 'The HTTP status of the answer; null when no call was made.' })
  status!: number | null;

  @Field(() => Json, { nullable: true, description: 'The result of the tool.' })
  result!: unknown;

  @Field(() => Json, { nullable: true, description: 'The JSON-RPC error: of the server, or of the gateway, whose `data` then says why.' })
  error!: unknown;

  @Field(() => UsageRecordType, { nullable: true, description: 'Its record; null when it is not written yet, or USAGE_READ is missing.' })
  record!: UsageRecordType | null;

  @Field(() => AccessExplanation, { nullable: true, description: 'The decision, as it was explained a moment before; null when USAGE_READ is missing.' })
  explanation!: AccessExplanation | null;

  @Field(() => [UserError], { description: 'What is wrong with the input; DATA_PLANE_UNREACHABLE when no gateway node could be asked.' })
  userErrors!: UserError[];
}
