/** The public shape of servers' health, and what data planes report of it. */
import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { UserError } from '../graphql/user-error.types.ts';
import { OBSERVED_HEALTHS, SERVER_HEALTHS, type ObservedHealth } from './server-health.ts';

export const SERVER_HEALTH = Object.fromEntries(SERVER_HEALTHS.map((health) => [health, health]));
registerEnumType(SERVER_HEALTH, {
  name: 'ServerHealth',
  description:
    'How a server was when it was last called or looked at. NEEDS_AUTH: it asks who is calling, and Turnpike has nothing to say. AUTH_EXPIRED: what Turnpike says is not accepted. UNKNOWN: nobody has noticed for a day.',
});
export const OBSERVED_HEALTH = Object.fromEntries(OBSERVED_HEALTHS.map((health) => [health, health]));
registerEnumType(OBSERVED_HEALTH, { name: 'ObservedHealth', description: 'What a node may notice of a server.' });

@InputType({ description: 'What a node noticed of one server since it last said so.' })
export class ServerReportInput {
  @Field(() => ID, { description: 'The server.' })
  serverId!: string;

  @Field(() => OBSERVED_HEALTH, { nullable: true, description: 'How it is now; null when nothing is new of that.' })
  health!: ObservedHealth | null;

  @Field(() => String, { nullable: true, description: 'What went wrong.' })
  detail!: string | null;

  @Field(() => Boolean, { defaultValue: false, description: 'A list passed by with a tool that is not as it was approved.' })
  toolsChanged!: boolean;
}

@InputType({ description: 'What a node noticed of the servers that it serves.' })
export class ReportServersInput {
  @Field(() => ID, { description: 'The node.' })
  dataPlaneId!: string;

  @Field(() => [ServerReportInput], { description: 'At most 200.' })
  reports!: ServerReportInput[];
}

@ObjectType({ description: 'What became of a report.' })
export class ReportServersPayload {
  @Field(() => Int, { nullable: true, description: 'How many of the servers there are; null when the input was refused.' })
  heard!: number | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}
