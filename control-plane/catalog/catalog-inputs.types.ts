/** The inputs that make and change entries of an organisation’s own. */
import { Field, ID, InputType, Int } from 'type-graphql';
import { TRANSPORT } from '../mcp-servers/mcp-server.types.ts';
import { AUTH_TYPE } from '../mcp-servers/server-auth.types.ts';
import type { CatalogAuthType } from './catalog-entry.ts';

@InputType({ description: 'A name with a value, in which `{variable}` stands for what is filled in.' })
export class CatalogTemplateInput {
  @Field(() => String, { description: 'Of the header or of the environment variable.' })
  name!: string;

  @Field(() => String, { description: 'Such as `Bearer {token}`.' })
  value!: string;
}

@InputType({ description: 'What whoever installs the entry fills in.' })
export class CatalogVariableInput {
  @Field(() => String, { description: 'Lower-case letters, digits and underscores.' })
  name!: string;

  @Field(() => String, { description: 'For people.' })
  description!: string;

  @Field(() => Boolean, { defaultValue: false, description: 'Without it nothing is installed.' })
  isRequired!: boolean;

  @Field(() => Boolean, { defaultValue: false, description: 'It may stand in the header and in the environment only, and is sealed there.' })
  isSecret!: boolean;

  @Field(() => String, { nullable: true, description: 'What it is when it is not given.' })
  default!: string | null;
}

@InputType({ description: 'A server that somebody runs.' })
export class CatalogRemoteInput {
  @Field(() => TRANSPORT, { defaultValue: 'STREAMABLE_HTTP', description: 'STREAMABLE_HTTP or SSE.' })
  transport!: string;

  @Field(() => String, { description: 'Such as `https://{host}/mcp`.' })
  url!: string;

  @Field(() => Boolean, { defaultValue: false, description: 'On the public Internet: connected to at public addresses only.' })
  isPublic!: boolean;

  @Field(() => CatalogTemplateInput, { nullable: true, description: 'The header that signs in.' })
  header!: CatalogTemplateInput | null;
}

@InputType({ description: 'A program from npm, which the operator has installed and listed.' })
export class CatalogPackageInput {
  @Field(() => String, { description: 'The name of the package.' })
  identifier!: string;

  @Field(() => [String], { nullable: true, description: 'Its arguments, such as `{directory}`.' })
  arguments!: string[] | null;

  @Field(() => [CatalogTemplateInput], { nullable: true, description: 'Its environment.' })
  environment!: CatalogTemplateInput[] | null;
}

@InputType({ description: 'Exactly one way to reach the server.' })
export class CatalogReachInput {
  @Field(() => CatalogRemoteInput, { nullable: true, description: 'Over HTTP.' })
  remote!: CatalogRemoteInput | null;

  @Field(() => CatalogPackageInput, { nullable: true, description: 'As a program.' })
  package!: CatalogPackageInput | null;
}

@InputType({ description: 'A new entry.' })
export class CreateCatalogEntryInput {
  @Field(() => String, { nullable: true, description: 'Made from the title when it is not given.' })
  slug!: string | null;

  @Field(() => String, { description: 'For people.' })
  title!: string;

  @Field(() => String, { description: 'What the server does, in at most 100 characters.' })
  description!: string;

  @Field(() => String, { description: 'Who makes the server.' })
  publisher!: string;

  @Field(() => String, { defaultValue: '1.0.0', description: 'Of the package, or of the entry.' })
  version!: string;

  @Field(() => [String], { description: 'What it is good for, each as a slug.' })
  categories!: string[];

  @Field(() => String, { nullable: true, description: 'An https URL.' })
  iconUrl!: string | null;

  @Field(() => String, { nullable: true, description: 'An https URL.' })
  websiteUrl!: string | null;

  @Field(() => String, { nullable: true, description: 'Its name in the registry of MCP, if it has one.' })
  registryName!: string | null;

  @Field(() => [AUTH_TYPE], { description: 'How it may be signed in to.' })
  authTypes!: CatalogAuthType[];

  @Field(() => CatalogReachInput, { description: 'How it is reached.' })
  reach!: CatalogReachInput;

  @Field(() => [CatalogVariableInput], { nullable: true, description: 'What is filled in when it is installed.' })
  variables!: CatalogVariableInput[] | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}

@InputType({ description: 'Changes of an entry; what is not given stays as it is.' })
export class UpdateCatalogEntryInput {
  @Field(() => ID, { description: 'The entry, one of the organisation’s own.' })
  id!: string;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the entry has another revision.' })
  expectedVersion!: number | null;

  @Field(() => String, { nullable: true, description: 'Unique.' })
  slug!: string | null;

  @Field(() => String, { nullable: true, description: 'For people.' })
  title!: string | null;

  @Field(() => String, { nullable: true, description: 'What the server does, in at most 100 characters.' })
  description!: string | null;

  @Field(() => String, { nullable: true, description: 'Who makes the server.' })
  publisher!: string | null;

  @Field(() => String, { nullable: true, description: 'Of the package, or of the entry.' })
  version!: string | null;

  @Field(() => [String], { nullable: true, description: 'In the place of all there were.' })
  categories!: string[] | null;

  @Field(() => String, { nullable: true, description: 'Null takes it away.' })
  iconUrl!: string | null;

  @Field(() => String, { nullable: true, description: 'Null takes it away.' })
  websiteUrl!: string | null;

  @Field(() => String, { nullable: true, description: 'Null takes it away.' })
  registryName!: string | null;

  @Field(() => [AUTH_TYPE], { nullable: true, description: 'In the place of all there were.' })
  authTypes!: CatalogAuthType[] | null;

  @Field(() => CatalogReachInput, { nullable: true, description: 'How it is reached, whole.' })
  reach!: CatalogReachInput | null;

  @Field(() => [CatalogVariableInput], { nullable: true, description: 'In the place of all there were.' })
  variables!: CatalogVariableInput[] | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}
