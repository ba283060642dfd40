/** The public shape of explanations. */
import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { BigIntString, DateTime, JsonObject } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { RULE_MODE } from '../mcp-servers/rule-mode.types.ts';
import { Money } from '../money/money.types.ts';
import { DecisionTrace, RuleRef } from '../usage/decision-trace.types.ts';
import { Denial } from '../usage/usage.types.ts';

const CHECK_KIND = { RATE: 'RATE', CONCURRENCY: 'CONCURRENCY', BUDGET: 'BUDGET', QUOTA: 'QUOTA' } as const;
registerEnumType(CHECK_KIND, { name: 'LimitKind', description: 'What kind of limit a call has to pass.' });

@InputType({ description: 'A call as it might be.' })
export class ExplainAccessInput {
  @Field(() => ID, { description: 'The key that would call; its secret is not needed.' })
  apiKeyId!: string;

  @Field(() => ID, { description: 'The server that would be called.' })
  serverId!: string;

  @Field(() => String, { defaultValue: 'tools/call', description: 'The JSON-RPC method.' })
  rpcMethod!: string;

  @Field(() => String, { nullable: true, description: 'The tool.' })
  tool!: string | null;

  @Field(() => JsonObject, { nullable: true, description: 'Of the tool, or the params of another method. Kept nowhere.' })
  arguments!: Record<string, unknown> | null;

  @Field(() => String, { nullable: true, description: 'Where the call would come from; 127.0.0.1 when nobody says.' })
  clientIp!: string | null;

  @Field(() => String, { nullable: true, description: 'What the client would call itself.' })
  clientName!: string | null;

  @Field(() => String, { nullable: true, description: 'Its `User-Agent`.' })
  userAgent!: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'When: keys and grants have expired by then or not, and the windows of budgets and quotas are those of then. Rates and calls under way are those of now.',
  })
  at!: Date | null;

  @Field(() => Int, { nullable: true, description: 'How many bytes the message would have, where that is more than it has.' })
  inputBytes!: number | null;
}

@ObjectType({ description: 'A limit that the call has to pass, as it is before the call. Nothing is taken of it.' })
export class ExplainedLimitType {
  @Field(() => CHECK_KIND, { description: 'What kind of limit.' })
  kind!: keyof typeof CHECK_KIND;

  @Field(() => RuleRef, { description: 'Where it is set.' })
  rule!: RuleRef;

  @Field(() => String, { description: 'What it counts: CALLS, or the metric of the budget or quota.' })
  metric!: string;

  @Field(() => RULE_MODE, { description: 'Whether it refuses, or is only recorded.' })
  mode!: string;

  @Field(() => BigIntString, { description: 'The most; of a rate with a burst, the burst.' })
  limit!: string;

  @Field(() => BigIntString, { description: 'Used up.' })
  used!: string;

  @Field(() => BigIntString, { description: 'Held for calls under way.' })
  reserved!: string;

  @Field(() => BigIntString, { description: 'What the window before has left to this one.' })
  carriedOver!: string;

  @Field(() => BigIntString, { description: 'What is left.' })
  remaining!: string;

  @Field(() => BigIntString, { description: 'What the call would hold.' })
  asked!: string;

  @Field(() => Int, { nullable: true, description: 'The window of a rate.' })
  windowSeconds!: number | null;

  @Field(() => DateTime, { nullable: true, description: 'When the window of a budget or quota ends.' })
  endsAt!: Date | null;
}

@ObjectType({ description: 'A header of an answer.' })
export class ResponseHeader {
  @Field(() => String, { description: 'Its name.' })
  name!: string;

  @Field(() => String, { description: 'Its value.' })
  value!: string;
}

@ObjectType({ description: 'What the caller would read. The id of the request is another one each time.' })
export class ResponsePreview {
  @Field(() => Int, { description: 'The status that goes over the wire, by the denial style of key and server.' })
  status!: number;

  @Field(() => [ResponseHeader], { description: 'Headers that say something of the denial.' })
  headers!: ResponseHeader[];

  @Field(() => String, { description: 'The body, byte for byte.' })
  body!: string;
}

@ObjectType({ description: 'A tool in the list that a key would read.' })
export class ExplainedTool {
  @Field(() => String, { description: 'Its name.' })
  name!: string;

  @Field(() => Boolean, { description: 'Whether it stands there.' })
  visible!: boolean;
}

/** The key that would call, and the server. */
export interface ExplainedAim {
  readonly apiKeyId: string;
  readonly serverId: string;
}

@ObjectType({ description: 'What would become of a call, and how: the data plane’s own steps, run without moving a counter.' })
export class AccessExplanation {
  /** Whose call it would be, and where; not shown, since whoever asked has said so. */
  aim!: ExplainedAim;

  @Field(() => Boolean, { description: 'Whether the call would reach the server.' })
  allowed!: boolean;

  @Field(() => Int, { description: 'The refusal’s own status; 200 where the server’s answer decides.' })
  httpStatus!: number;

  @Field(() => Denial, { nullable: true, description: 'Why it would be refused.' })
  denial!: Denial | null;

  @Field(() => DecisionTrace, { description: 'Step by step.' })
  trace!: DecisionTrace;

  @Field(() => Money, { nullable: true, description: 'Of the call and its input, before a byte of an answer; null when it was refused before it had a price.' })
  estimatedCost!: Money | null;

  @Field(() => [ExplainedLimitType], { description: 'Rates, calls under way, budgets and quotas that were asked; empty when it was refused before.' })
  limits!: ExplainedLimitType[];

  @Field(() => [ExplainedTool], {
    nullable: true,
    description: 'Of `tools/list`: the tools that discovery has seen, and which of them the key would see. Null for every other call.',
  })
  tools!: ExplainedTool[] | null;

  @Field(() => ResponsePreview, { nullable: true, description: 'The answer to a refused call; null when the server would answer.' })
  responsePreview!: ResponsePreview | null;

  @Field(() => String, { description: 'The gateway node that said so.' })
  dataPlane!: string;

  @Field(() => BigIntString, { description: 'The configuration by which it did.' })
  configVersion!: string;

  @Field(() => DateTime, { description: 'The moment that it is about.' })
  at!: Date;
}

@ObjectType({ description: 'The explanation.' })
export class ExplainAccessPayload {
  @Field(() => AccessExplanation, { nullable: true, description: 'Null when the input was refused, or no gateway node could be asked.' })
  explanation!: AccessExplanation | null;

  @Field(() => [UserError], { description: 'What is wrong with the input; DATA_PLANE_UNREACHABLE when no gateway node could be asked.' })
  userErrors!: UserError[];
}
