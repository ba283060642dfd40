/** The inputs that make and change servers. */
import { Field, ID, InputType, Int } from 'type-graphql';
import type { DenialStyle, StdioIsolation, Transport } from '../../shared/mcp-server.ts';
import { Json, JsonObject } from '../graphql/scalars.ts';
import { DENIAL_STYLE } from '../organisations/organisation.types.ts';
import { AuthConfigInput, SecretEntryInput } from './auth-inputs.types.ts';
import { SemanticFilterInputType } from '../content/content-filter.types.ts';
import { PricingInputType } from './governance-inputs.types.ts';
import { STDIO_ISOLATION, TRANSPORT } from './mcp-server.types.ts';
import { ServerLimitsInputType } from './server-limits.types.ts';

@InputType('ServerScopeInput', { description: 'Exactly one scope.' })
export class ServerScopeInputType {
  @Field(() => Boolean, { nullable: true, description: 'Any granted key.' })
  organisation!: boolean | null;

  @Field(() => ID, { nullable: true, description: 'The keys of this team.' })
  teamId!: string | null;

  @Field(() => ID, { nullable: true, description: 'This key.' })
  apiKeyId!: string | null;
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

  @Field(() => STDIO_ISOLATION, { nullable: true, description: 'Who shares a process of a STDIO server: SHARED when not given.' })
  stdioIsolation!: StdioIsolation | null;

  @Field(() => AuthConfigInput, { nullable: true, description: 'How Turnpike signs in there.' })
  auth!: AuthConfigInput | null;

  @Field(() => Boolean, { nullable: true, description: 'It is never enabled without complete OAuth 2.' })
  oauthRequired!: boolean | null;

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

  @Field(() => SemanticFilterInputType, { nullable: true, description: 'What messages must not hold.' })
  semanticFilter!: SemanticFilterInputType | null;

  @Field(() => Json, { nullable: true, description: 'Its policy, as in `setPolicy`.' })
  policy!: unknown;

  @Field(() => DENIAL_STYLE, { nullable: true, description: 'How refused calls are written.' })
  denialStyle!: DenialStyle | null;

  @Field(() => ServerLimitsInputType, { nullable: true, description: 'What it may take of time, bytes and processes.' })
  limits!: ServerLimitsInputType | null;

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

  @Field(() => String, { nullable: true, description: 'Where it is reached over HTTP. Of a server that signs in, the origin stays.' })
  endpointUrl!: string | null;

  @Field(() => String, { nullable: true, description: 'The program of a STDIO server, as an absolute path.' })
  stdioCommand!: string | null;

  @Field(() => [String], { nullable: true, description: 'Its arguments.' })
  stdioArgs!: string[] | null;

  @Field(() => [SecretEntryInput], { nullable: true, description: 'Variables to set.' })
  stdioEnvSet!: SecretEntryInput[] | null;

  @Field(() => [String], { nullable: true, description: 'Variables to remove.' })
  stdioEnvUnset!: string[] | null;

  @Field(() => STDIO_ISOLATION, { nullable: true, description: 'Who shares a process of a STDIO server. A change ends its sessions.' })
  stdioIsolation!: StdioIsolation | null;

  @Field(() => Boolean, { nullable: true, description: 'On the public Internet.' })
  isPublic!: boolean | null;

  @Field(() => Boolean, { nullable: true, description: 'It is never enabled without complete OAuth 2.' })
  oauthRequired!: boolean | null;

  @Field(() => ServerScopeInputType, { nullable: true, description: 'Which granted keys may call.' })
  scope!: ServerScopeInputType | null;

  @Field(() => DENIAL_STYLE, { nullable: true, description: 'How refused calls are written.' })
  denialStyle!: DenialStyle | null;

  @Field(() => ServerLimitsInputType, { nullable: true, description: 'What it may take; null gives every limit its default back.' })
  limits!: ServerLimitsInputType | null;

  @Field(() => JsonObject, { nullable: true, description: 'Whatever its owner notes.' })
  metadata!: Record<string, unknown> | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}
