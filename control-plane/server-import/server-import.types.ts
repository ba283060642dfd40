/** The public shape of imports. */
import { Field, InputType, ObjectType } from 'type-graphql';
import { Json } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { McpServerType } from '../mcp-servers/mcp-server.types.ts';

@InputType({ description: 'A file of servers.' })
export class ImportServersInput {
  @Field(() => Json, {
    description:
      'The file as JSON: `mcp.json` with `mcpServers` (Claude, Cursor) or `servers` (VS Code), or `server.json` of the registry. Secrets in it are sealed.',
  })
  document!: unknown;

  @Field(() => Boolean, { defaultValue: false, description: 'Those over HTTP are on the public Internet.' })
  isPublic!: boolean;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be made and refused, and makes nothing.' })
  dryRun!: boolean;
}

@ObjectType({ description: 'What became of one server of the file.' })
export class ImportedServerType {
  @Field(() => String, { description: 'Its name in the file.' })
  name!: string;

  @Field(() => McpServerType, { nullable: true, description: 'As it was made, switched off; null when it was refused.' })
  server!: McpServerType | null;

  @Field(() => [UserError], { description: 'Why it was refused.' })
  userErrors!: readonly UserError[];
}

@ObjectType({ description: 'What became of a file of servers.' })
export class ImportServersPayload {
  @Field(() => [ImportedServerType], { description: 'Every server of the file, in its order.' })
  servers!: readonly ImportedServerType[];

  @Field(() => [UserError], { description: 'What is wrong with the file as a whole.' })
  userErrors!: UserError[];
}
