/** The limits of a server as the API takes and shows them. */
import { Field, InputType, Int, ObjectType } from 'type-graphql';

@InputType('ServerLimitsInput', {
  description: 'What a server may take. Null gives a limit its default back, what is not given stays. Durations are 1 ms to 24 h, sizes 1 byte to 1 GiB.',
})
export class ServerLimitsInputType {
  @Field(() => Int, { nullable: true, description: 'Until a connection stands. Streamable HTTP and SSE.' })
  connectTimeoutMs!: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'From a message to the first byte of its answer; over SSE, until a new connection takes messages. Streamable HTTP and SSE.',
  })
  headersTimeoutMs!: number | null;

  @Field(() => Int, { nullable: true, description: 'Silence in the middle of an answer. Streamable HTTP.' })
  idleTimeoutMs!: number | null;

  @Field(() => Int, { nullable: true, description: 'From a message to the end of its answer. Streams that only listen have no end.' })
  totalTimeoutMs!: number | null;

  @Field(() => Int, { nullable: true, description: 'The most bytes of an answer; a policy may allow less.' })
  responseBytesMax!: number | null;

  @Field(() => Int, { nullable: true, description: 'The most bytes of one event of a stream. Streamable HTTP and SSE.' })
  eventBytesMax!: number | null;

  @Field(() => Int, { nullable: true, description: 'Child processes: those that callers share, or all those of sessions. STDIO.' })
  processesMax!: number | null;

  @Field(() => Int, { nullable: true, description: 'Child processes that run before anybody calls, and are kept; only shared ones. STDIO.' })
  warmProcesses!: number | null;

  @Field(() => Int, { nullable: true, description: 'How long a child process without a call is kept. STDIO.' })
  processIdleMs!: number | null;

  @Field(() => Int, { nullable: true, description: 'Calls that one child process works on at once. STDIO.' })
  inFlightMax!: number | null;
}

@ObjectType('ServerLimits', { description: 'What a server may take: what holds, by default or because it was set. Null is what its transport does not have.' })
export class ServerLimitsType {
  @Field(() => Int, { nullable: true, description: 'Until a connection stands. Streamable HTTP and SSE.' })
  connectTimeoutMs?: number;

  @Field(() => Int, {
    nullable: true,
    description: 'From a message to the first byte of its answer; over SSE, until a new connection takes messages. Streamable HTTP and SSE.',
  })
  headersTimeoutMs?: number;

  @Field(() => Int, { nullable: true, description: 'Silence in the middle of an answer. Streamable HTTP.' })
  idleTimeoutMs?: number;

  @Field(() => Int, { nullable: true, description: 'From a message to the end of its answer. Streams that only listen have no end.' })
  totalTimeoutMs?: number;

  @Field(() => Int, { nullable: true, description: 'The most bytes of an answer; a policy may allow less.' })
  responseBytesMax?: number;

  @Field(() => Int, { nullable: true, description: 'The most bytes of one event of a stream. Streamable HTTP and SSE.' })
  eventBytesMax?: number;

  @Field(() => Int, { nullable: true, description: 'Child processes: those that callers share, or all those of sessions. STDIO.' })
  processesMax?: number;

  @Field(() => Int, { nullable: true, description: 'Child processes that run before anybody calls, and are kept; only shared ones. STDIO.' })
  warmProcesses?: number;

  @Field(() => Int, { nullable: true, description: 'How long a child process without a call is kept. STDIO.' })
  processIdleMs?: number;

  @Field(() => Int, { nullable: true, description: 'Calls that one child process works on at once. STDIO.' })
  inFlightMax?: number;

  @Field(() => [String], { description: 'The fields that were set for this server; the others have their defaults.' })
  overridden!: string[];
}
