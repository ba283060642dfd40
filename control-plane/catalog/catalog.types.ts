/** The public shape of the catalogue. */
import { Field, ID, Int, ObjectType } from 'type-graphql';
import type { Transport } from '../../shared/mcp-server.ts';
import { connectionOf } from '../graphql/connection.ts';
import { DateTime, Json } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { McpServerType, TRANSPORT } from '../mcp-servers/mcp-server.types.ts';
import { AUTH_TYPE } from '../mcp-servers/server-auth.types.ts';
import { Node } from '../nodes/node.types.ts';
import type { CatalogAuthType } from './catalog-entry.ts';

@ObjectType('CatalogVariable', { description: 'What whoever installs an entry fills in.' })
export class CatalogVariableType {
  @Field(() => String, { description: 'By which it is given.' })
  name!: string;

  @Field(() => String, { description: 'For people.' })
  description!: string;

  @Field(() => Boolean, { description: 'Without it nothing is installed.' })
  isRequired!: boolean;

  @Field(() => Boolean, { description: 'It is sealed at once.' })
  isSecret!: boolean;

  @Field(() => String, { nullable: true, description: 'What it is when it is not given.' })
  default!: string | null;
}

@ObjectType('CatalogEntry', { implements: Node, description: 'A server that can be installed.' })
export class CatalogEntryType {
  @Field(() => ID, { description: 'Of the form `cat_…`; that of a trusted entry is made of its slug.' })
  id!: string;

  @Field(() => String, { description: 'Unique.' })
  slug!: string;

  @Field(() => String, { description: 'For people.' })
  title!: string;

  @Field(() => String, { description: 'What the server does.' })
  description!: string;

  @Field(() => String, { description: 'Who makes the server.' })
  publisher!: string;

  @Field(() => Boolean, { description: 'It comes with the product; any other is the organisation’s own.' })
  verified?: boolean;

  @Field(() => String, { description: 'The version of the package, or of the entry where a server is reached over HTTP.' })
  version?: string;

  @Field(() => [TRANSPORT], { description: 'How the server is reached.' })
  transports?: Transport[];

  @Field(() => [AUTH_TYPE], { description: 'How it may be signed in to.' })
  authTypes!: readonly CatalogAuthType[];

  @Field(() => String, { nullable: true, description: 'Where its icon is.' })
  iconUrl!: string | null;

  @Field(() => String, { nullable: true, description: 'Where more is told of it.' })
  websiteUrl!: string | null;

  @Field(() => [String], { description: 'What it is good for.' })
  categories!: readonly string[];

  @Field(() => [CatalogVariableType], { description: 'What is filled in when it is installed.' })
  variables!: readonly CatalogVariableType[];

  @Field(() => McpServerType, { nullable: true, description: 'The first server that was installed from it and is still there.' })
  installed?: McpServerType | null;

  @Field(() => String, { description: 'Under which `/v0.1/servers` lists it.' })
  registryName?: string | null;

  @Field(() => Json, { description: 'As `server.json` of the registry has it.' })
  raw?: unknown;

  @Field(() => Int, { description: 'Grows with every change of an organisation’s own entry; give it as `expectedVersion`.' })
  revision!: number;

  @Field(() => DateTime, { description: 'When it was made; of a trusted entry, when it was last looked at.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  updatedAt!: Date;
}

export const CatalogEntryConnection = connectionOf('CatalogEntry', () => CatalogEntryType);

@ObjectType({ description: 'The entry as it stands now.' })
export class CatalogEntryPayload {
  @Field(() => CatalogEntryType, { nullable: true, description: 'Null when the input was refused.' })
  entry!: CatalogEntryType | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}
