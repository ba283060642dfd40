/** The inputs of the operations on servers. */
import { Field, ID, InputType, Int } from 'type-graphql';
import type { DenialStyle, Transport } from '../../shared/mcp-server.ts';
import { Json, JsonObject, Secret } from '../graphql/scalars.ts';
import { DENIAL_STYLE } from '../organisations/organisation.types.ts';
import { FILTER_ACTION, FILTER_DIRECTION, RULE_MODE, TRANSPORT } from './mcp-server.types.ts';

@InputType({ description: 'A bearer token.' })
export class BearerAuthInput {
  @Field(() => Secret, { description: 'Sent as `Authorization: Bearer …`.' })
  token!: string;
}

@InputType({ description: 'User name and password.' })
export class BasicAuthInput {
  @Field(() => String, { description: 'The user name.' })
  username!: string;

  @Field(() => Secret, { description: 'The password.' })
  password!: string;
}

@InputType({ description: 'A key in a header of its own.' })
export class HeaderAuthInput {
  @Field(() => String, { description: 'The header.' })
  header!: string;

  @Field(() => Secret, { description: 'Its value.' })
  value!: string;
}

@InputType({ description: 'Exactly one way to sign in upstream.' })
export class AuthConfigInput {
  @Field(() => Boolean, { nullable: true, description: 'Not at all.' })
  none!: boolean | null;

  @Field(() => BearerAuthInput, { nullable: true, description: 'With a bearer token.' })
  bearer!: BearerAuthInput | null;

  @Field(() => BasicAuthInput, { nullable: true, description: 'With user name and password.' })
  basic!: BasicAuthInput | null;

  @Field(() => HeaderAuthInput, { nullable: true, description: 'With a key in a header.' })
  apiKey!: HeaderAuthInput | null;
}

@InputType({ description: 'An environment variable, whose value is a secret.' })
export class SecretEntryInput {
  @Field(() => String, { description: 'The name.' })
  name!: string;

  @Field(() => Secret, { description: 'The value.' })
  value!: string;
}

@InputType('ServerScopeInput', { description: 'Exactly one scope.' })
export class ServerScopeInputType {
  @Field(() => Boolean, { nullable: true, description: 'Any granted key.' })
  organisation!: boolean | null;

  @Field(() => ID, { nullable: true, description: 'The keys of this team.' })
  teamId!: string | null;

  @Field(() => ID, { nullable: true, description: 'This key.' })
  apiKeyId!: string | null;
}

@InputType('SemanticFilterInput', { description: 'Words and patterns that messages must not hold.' })
export class SemanticFilterInputType {
  @Field(() => [String], { nullable: true, description: 'Found whatever their case, width or spacing.' })
  blockedKeywords!: string[] | null;

  @Field(() => [String], { nullable: true, description: 'RE2 syntax.' })
  blockedPatterns!: string[] | null;

  @Field(() => [FILTER_DIRECTION], { nullable: true, description: 'What it looks at; requests when not given.' })
  applyTo!: string[] | null;

  @Field(() => FILTER_ACTION, { nullable: true, description: 'What it does with a match; BLOCK when not given.' })
  action!: string | null;
}

@InputType({ description: 'Prices of one tool, in the place of the server’s.' })
export class ToolPriceOverrideInput {
  @Field(() => String, { description: 'The tool.' })
  tool!: string;

  @Field(() => String, { nullable: true, description: 'Such as "2.00".' })
  usdPerMillionCalls!: string | null;

  @Field(() => String, { nullable: true, description: 'Such as "0.50".' })
  usdPerMillionInputBytes!: string | null;

  @Field(() => String, { nullable: true, description: 'Such as "1.00".' })
  usdPerMillionOutputBytes!: string | null;
}

@InputType('PricingInput', { description: 'Prices in USD per million; what is not given stays.' })
export class PricingInputType {
  @Field(() => String, { nullable: true, description: 'Such as "2.00".' })
  usdPerMillionCalls!: string | null;

  @Field(() => String, { nullable: true, description: 'Such as "0.50".' })
  usdPerMillionInputBytes!: string | null;

  @Field(() => String, { nullable: true, description: 'Such as "1.00".' })
  usdPerMillionOutputBytes!: string | null;

  @Field(() => [String], { nullable: true, description: 'JSON-RPC methods that cost something; `*` is all.' })
  pricedMethods!: string[] | null;

  @Field(() => [ToolPriceOverrideInput], { nullable: true, description: 'Tools with prices of their own, in the place of all there were.' })
  toolOverrides!: ToolPriceOverrideInput[] | null;
}

@InputType('CreateServerInput', { description: 'A new server.' })
export class CreateServerInputType {
  @Field(() => String, { description: 'For people.' })
  name!: string;

  @Field(() => String, { nullable: true, description: 'Made from the name when it is not given.' })
  slug!: string | null;

  @Field(() => String, { nullable: true, description: 'For people.' })
  description!: string | null;

  @Field(() => TRANSPORT, { description: 'How it is reached.' })
  transport!: Transport;

  @Field(() => String, { nullable: true, description: 'Where it is reached over HTTP.' })
  endpointUrl!: string | null;

  @Field(() => String, { nullable: true, description: 'The program of a STDIO server, as an absolute path.' })
  stdioCommand!: string | null;

  @Field(() => [String], { nullable: true, description: 'Its arguments.' })
  stdioArgs!: string[] | null;

  @Field(() => [SecretEntryInput], { nullable: true, description: 'Its environment.' })
  stdioEnv!: SecretEntryInput[] | null;

  @Field(() => AuthConfigInput, { nullable: true, description: 'How Turnpike signs in there.' })
  auth!: AuthConfigInput | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Whether it may be called at once.' })
  enabled!: boolean;

  @Field(() => Boolean, { defaultValue: false, description: 'On the public Internet: connected to at public addresses only.' })
  isPublic!: boolean;

  @Field(() => ServerScopeInputType, { nullable: true, description: 'Which granted keys may call.' })
  scope!: ServerScopeInputType | null;

  @Field(() => [String], { nullable: true, description: 'The only tools that may be called.' })
  allowedTools!: string[] | null;

  @Field(() => [String], { nullable: true, description: 'Tools that may not be called.' })
  blockedTools!: string[] | null;

  @Field(() => PricingInputType, { nullable: true, description: 'What a call costs.' })
  pricing!: PricingInputType | null;

  @Field(() => SemanticFilterInputType, { nullable: true, description: 'Words and patterns that messages must not hold.' })
  semanticFilter!: SemanticFilterInputType | null;

  @Field(() => Json, { nullable: true, description: 'Its policy, as in `setPolicy`.' })
  policy!: unknown;

  @Field(() => DENIAL_STYLE, { nullable: true, description: 'How refused calls are written.' })
  denialStyle!: DenialStyle | null;

  @Field(() => [ID], { nullable: true, description: 'Keys that may call it from the start.' })
  grantTo!: string[] | null;

  @Field(() => JsonObject, { nullable: true, description: 'Whatever its owner notes.' })
  metadata!: Record<string, unknown> | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}

@InputType('UpdateServerInput', { description: 'Changes of a server; what is not given stays, secrets above all.' })
export class UpdateServerInputType {
  @Field(() => ID, { description: 'The server.' })
  id!: string;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the server has another version.' })
  expectedVersion!: number | null;

  @Field(() => String, { nullable: true, description: 'For people.' })
  name!: string | null;

  @Field(() => String, { nullable: true, description: 'Part of the gateway’s URL.' })
  slug!: string | null;

  @Field(() => String, { nullable: true, description: 'For people.' })
  description!: string | null;

  @Field(() => String, { nullable: true, description: 'Where it is reached over HTTP.' })
  endpointUrl!: string | null;

  @Field(() => String, { nullable: true, description: 'The program of a STDIO server, as an absolute path.' })
  stdioCommand!: string | null;

  @Field(() => [String], { nullable: true, description: 'Its arguments.' })
  stdioArgs!: string[] | null;

  @Field(() => [SecretEntryInput], { nullable: true, description: 'Variables to set.' })
  stdioEnvSet!: SecretEntryInput[] | null;

  @Field(() => [String], { nullable: true, description: 'Variables to remove.' })
  stdioEnvUnset!: string[] | null;

  @Field(() => Boolean, { nullable: true, description: 'On the public Internet.' })
  isPublic!: boolean | null;

  @Field(() => ServerScopeInputType, { nullable: true, description: 'Which granted keys may call.' })
  scope!: ServerScopeInputType | null;

  @Field(() => DENIAL_STYLE, { nullable: true, description: 'How refused calls are written.' })
  denialStyle!: DenialStyle | null;

  @Field(() => JsonObject, { nullable: true, description: 'Whatever its owner notes.' })
  metadata!: Record<string, unknown> | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}

@InputType({ description: 'Whether something works.' })
export class SetEnabledInput {
  @Field(() => ID, { description: 'The server.' })
  id!: string;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the server has another version.' })
  expectedVersion!: number | null;

  @Field(() => Boolean, { description: 'Whether it works from the next call on.' })
  enabled!: boolean;
}

@InputType({ description: 'How Turnpike signs in upstream.' })
export class SetServerAuthInput {
  @Field(() => ID, { description: 'The server.' })
  id!: string;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the server has another version.' })
  expectedVersion!: number | null;

  @Field(() => AuthConfigInput, { description: 'The way, in the place of the old one.' })
  auth!: AuthConfigInput;
}

@InputType({ description: 'Which tools may be called; blocked wins.' })
export class SetToolRulesInput {
  @Field(() => ID, { description: 'The server.' })
  id!: string;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the server has another version.' })
  expectedVersion!: number | null;

  @Field(() => [String], { description: 'The only tools that may be called; empty means any.' })
  allowedTools!: string[];

  @Field(() => [String], { description: 'Tools that may not be called.' })
  blockedTools!: string[];

  @Field(() => RULE_MODE, { defaultValue: 'ENFORCE', description: 'OBSERVE only records.' })
  mode!: 'ENFORCE' | 'OBSERVE';

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}

@InputType({ description: 'What calls of a server cost from now on.' })
export class SetPricingInput {
  @Field(() => ID, { description: 'The server.' })
  serverId!: string;

  @Field(() => PricingInputType, { description: 'The prices.' })
  pricing!: PricingInputType;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the server has another version.' })
  expectedVersion!: number | null;
}

@InputType({ description: 'The filter of a server.' })
export class SetSemanticFilterInput {
  @Field(() => ID, { description: 'The server.' })
  serverId!: string;

  @Field(() => SemanticFilterInputType, { nullable: true, description: 'None removes it.' })
  filter!: SemanticFilterInputType | null;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the server has another version.' })
  expectedVersion!: number | null;
}
