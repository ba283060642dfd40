/** The public shape of usage records. */
import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { REFUSALS } from '../../shared/refusals.ts';
import { connectionOf } from '../graphql/connection.ts';
import { BigIntString, DateTime, NanoUsd } from '../graphql/scalars.ts';
import { TRANSPORT } from '../mcp-servers/mcp-server.types.ts';
import { Money } from '../money/money.types.ts';
import { Node } from '../nodes/node.types.ts';
import { DecisionTrace, RuleRef } from './decision-trace.types.ts';
import { DLP_OUTCOME, DlpFindingType } from './dlp.types.ts';

export const DECISION = { ALLOWED: 'ALLOWED', DENIED: 'DENIED', ERRORED: 'ERRORED' } as const;
registerEnumType(DECISION, { name: 'Decision', description: 'DENIED: Turnpike said no. ERRORED: it said yes, and the call failed.' });
export const DENIAL_CODE: Readonly<Record<string, string>> = Object.fromEntries(Object.keys(REFUSALS).map((code) => [code.toUpperCase(), code.toUpperCase()]));
registerEnumType(DENIAL_CODE, { name: 'DenialCode', description: 'The codes of docs/refusals.md.' });

@ObjectType({ description: 'Why a request was refused or failed.' })
export class Denial {
  @Field(() => DENIAL_CODE, { description: 'A section of docs/refusals.md.' })
  code!: string;

  @Field(() => String, { description: 'Refines the code.' })
  reason!: string;

  @Field(() => String, { description: 'What the caller read, or of what was only observed, what the code means.' })
  message!: string;

  @Field(() => RuleRef, { nullable: true, description: 'The rule that decided.' })
  rule!: RuleRef | null;

  @Field(() => String, { description: 'Where it is explained.' })
  docsUrl!: string;

  @Field(() => Int, { nullable: true, description: 'When asking again may help.' })
  retryAfterSeconds!: number | null;
}

@ObjectType({ description: 'The unit prices that a record was priced with; later prices never change it.' })
export class PricingSnapshot {
  @Field(() => NanoUsd, { description: 'For the call.' })
  callNanosUsd!: string;

  @Field(() => NanoUsd, { description: 'For a byte of the request.' })
  inputByteNanosUsd!: string;

  @Field(() => NanoUsd, { description: 'For a byte of the answer.' })
  outputByteNanosUsd!: string;

  @Field(() => Boolean, { description: 'Whether they were a tool’s own.' })
  override!: boolean;
}

@ObjectType({ description: 'The MCP side of a request.' })
export class McpUsage {
  @Field(() => ID, { nullable: true, description: 'The server; null when there was none of that name.' })
  serverId!: string | null;

  @Field(() => String, { nullable: true, description: 'Its slug then, or what was asked for.' })
  serverSlug!: string | null;

  @Field(() => TRANSPORT, { nullable: true, description: 'How it was reached.' })
  transport!: string | null;

  @Field(() => String, { description: 'The HTTP method.' })
  httpMethod!: string;

  @Field(() => String, { nullable: true, description: 'The JSON-RPC method.' })
  rpcMethod!: string | null;

  @Field(() => String, { nullable: true, description: 'The tool.' })
  tool!: string | null;

  @Field(() => String, { nullable: true, description: 'Names the session; does not open it.' })
  sessionId!: string | null;

  @Field(() => String, { nullable: true, description: 'The protocol revision that the client named.' })
  protocolVersion!: string | null;

  @Field(() => Boolean, { description: 'The answer was an error of the tool or of JSON-RPC.' })
  isToolError!: boolean;

  @Field(() => PricingSnapshot, { nullable: true, description: 'Null when the request was refused before it had a price.' })
  pricing!: PricingSnapshot | null;
}

@ObjectType('UsageRecord', { implements: Node, description: 'One request: admitted, denied or failed.' })
export class UsageRecordType {
  @Field(() => ID, { description: 'Of the form `use_…`.' })
  id!: string;

  @Field(() => String, { description: 'What the caller got as `Turnpike-Request-Id`.' })
  requestId!: string;

  @Field(() => DateTime, { description: 'When the request arrived.' })
  occurredAt!: Date;

  @Field(() => ID, { nullable: true, description: 'The key’s team.' })
  teamId!: string | null;

  @Field(() => ID, { nullable: true, description: 'The key.' })
  apiKeyId!: string | null;

  @Field(() => String, { nullable: true, description: 'The part of the key that may be seen.' })
  apiKeyPrefix!: string | null;

  @Field(() => Int, { description: 'The refusal’s or the answer’s own HTTP status, whatever went over the wire.' })
  status!: number;

  @Field(() => DECISION, { description: 'What became of it.' })
  decision!: keyof typeof DECISION;

  @Field(() => Denial, { nullable: true, description: 'Why, when it was refused or failed.' })
  denial!: Denial | null;

  @Field(() => [String], { description: 'What rules that only observe would have done, as `code/reason`.' })
  observed!: string[];

  @Field(() => [Denial], { description: 'The same as the denials that it would have been, with the rules.' })
  wouldHave!: Denial[];

  @Field(() => DecisionTrace, {
    nullable: true,
    description: 'How it came to its end, for requests that were refused or failed, or that a rule which only observes had something against.',
  })
  trace!: DecisionTrace | null;

  @Field(() => DLP_OUTCOME, { description: 'The strictest thing that rules of content did.' })
  dlpOutcome!: string;

  @Field(() => [DlpFindingType], { description: 'Which of them found something; at most 20.' })
  dlpFindings!: DlpFindingType[];

  @Field(() => Int, { description: 'From arrival to the end of the answer.' })
  latencyMs!: number;

  @Field(() => Int, { nullable: true, description: 'The upstream’s part of it.' })
  upstreamLatencyMs!: number | null;

  @Field(() => BigIntString, { description: 'Of the request’s body.' })
  inputBytes!: string;

  @Field(() => BigIntString, { description: 'Of the answer’s body.' })
  outputBytes!: string;

  @Field(() => Money, { description: 'What it cost; nothing when it never reached the server.' })
  cost!: Money;

  @Field(() => String, { nullable: true, description: 'Of the caller’s trace.' })
  traceId!: string | null;

  @Field(() => String, { nullable: true, description: 'Where it came from.' })
  clientIp!: string | null;

  @Field(() => String, { nullable: true, description: 'Who the client said it was.' })
  clientName!: string | null;

  @Field(() => String, { nullable: true, description: 'In which version.' })
  clientVersion!: string | null;

  @Field(() => ID, { nullable: true, description: 'The agent that the key is bound to, or else that the client counts as.' })
  agentId!: string | null;

  @Field(() => ID, { nullable: true, description: 'The client of that agent.' })
  agentClientId!: string | null;

  @Field(() => String, { description: 'The gateway node.' })
  dataPlane!: string;

  @Field(() => McpUsage, { description: 'The MCP side.' })
  mcp!: McpUsage;
}

export const UsageRecordConnection = connectionOf('UsageRecord', () => UsageRecordType);

@ObjectType('UsageRecordEvent', { description: 'A record as it is written.' })
export class UsageRecordEventType {
  @Field(() => String, { description: 'Give it as `after` to go on behind this record.' })
  cursor!: string;

  @Field(() => UsageRecordType, { description: 'The record.' })
  record!: UsageRecordType;

  @Field(() => Int, { description: 'How many were left out before it, because the reader was more than 1,000 behind; `usageRecords` has them.' })
  dropped!: number;
}
