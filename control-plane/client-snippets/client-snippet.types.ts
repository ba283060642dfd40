/** The public shape of what clients are told. */
import { Field, ObjectType, registerEnumType } from 'type-graphql';
import { CLIENT_APPS, type ClientApp } from '../../shared/client-snippets.ts';

export const CLIENT_APP = Object.fromEntries(CLIENT_APPS.map((client) => [client, client]));
registerEnumType(CLIENT_APP, { name: 'ClientApp', description: 'What an agent runs in. AGENT_PROMPT is a text for any agent.' });

@ObjectType('ClientSnippet', { description: 'How one client is told of a server.' })
export class ClientSnippetType {
  @Field(() => CLIENT_APP, { description: 'The client.' })
  client!: ClientApp;

  @Field(() => String, { description: 'What people call the client.' })
  title!: string;

  @Field(() => String, { description: 'Of the content, such as `json`.' })
  language!: string;

  @Field(() => String, { nullable: true, description: 'The file that the content belongs into; null for what is run or said.' })
  filePath!: string | null;

  @Field(() => String, { description: 'To be copied.' })
  content!: string;

  @Field(() => String, { nullable: true, description: 'Opens the client and installs the server.' })
  deepLink!: string | null;

  @Field(() => [String], { description: 'What to do with it.' })
  steps!: readonly string[];

  @Field(() => Boolean, { description: 'Whether a key is part of the content.' })
  containsSecret!: boolean;
}
