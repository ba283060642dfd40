/** The public shape of web-search policies. */
import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { RULE_MODE } from '../mcp-servers/rule-mode.types.ts';

@ObjectType('WebSearchPolicy', { description: 'Where a server that searches the web may lead.' })
export class WebSearchPolicyType {
  @Field(() => [String], { description: 'The only domains that may be asked for and shown, with their subdomains; empty means any.' })
  allowedDomains!: string[];

  @Field(() => [String], { description: 'Domains that may not, with their subdomains; blocked wins.' })
  blockedDomains!: string[];

  @Field(() => Boolean, { description: 'Whether tools are told to leave out what is not for everybody, where their schema says how.' })
  safeSearch!: boolean;

  @Field(() => RULE_MODE, { description: 'OBSERVE only records.' })
  mode!: 'ENFORCE' | 'OBSERVE';
}

@InputType('WebSearchPolicyInput', { description: 'Where a server that searches the web may lead.' })
export class WebSearchPolicyInputType {
  @Field(() => [String], { nullable: true, description: 'Such as `example.com`, which holds for its subdomains too; none means any.' })
  allowedDomains!: string[] | null;

  @Field(() => [String], { nullable: true, description: 'Blocked wins.' })
  blockedDomains!: string[] | null;

  @Field(() => Boolean, { nullable: true, description: 'Off when not given.' })
  safeSearch!: boolean | null;

  @Field(() => RULE_MODE, { nullable: true, description: 'ENFORCE when not given.' })
  mode!: 'ENFORCE' | 'OBSERVE' | null;
}

@InputType({ description: 'The web-search policy of a server.' })
export class SetWebSearchPolicyInput {
  @Field(() => ID, { description: 'The server.' })
  serverId!: string;

  @Field(() => WebSearchPolicyInputType, { nullable: true, description: 'None takes it away.' })
  policy!: WebSearchPolicyInputType | null;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the server has another version.' })
  expectedVersion!: number | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}
