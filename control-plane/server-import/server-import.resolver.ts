/** GraphQL to the import of servers. */
import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import { asPayload } from '../graphql/input-refused.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { ImportServersInput, ImportServersPayload } from './server-import.types.ts';

@Resolver()
export class ServerImportResolver {
  @Mutation(() => ImportServersPayload, { description: 'Makes servers of a file, switched off, each by itself. Needs SERVER_CREATE.' })
  importServers(@Ctx() context: RequestContext, @Arg('input', () => ImportServersInput) input: ImportServersInput): Promise<ImportServersPayload> {
    const admin = asAdmin(context, 'SERVER_CREATE');
    return asPayload(async () => ({ servers: await context.services.serverImport.import(admin, input) }), { servers: [] });
  }
}
