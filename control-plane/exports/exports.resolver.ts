/** GraphQL to exports. */
import { Arg, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql';
import { endingWith } from '../graphql/ending-with.ts';
import { asPayload, refuseInput } from '../graphql/input-refused.ts';
import { asAdmin, type AdminContext, type RequestContext } from '../request-context.ts';
import { stateOf, type Export, type ExportState } from './export.entity.ts';
import { CreateExportInput, EXPORT_STATE, ExportPayload, ExportType } from './export.types.ts';

@Resolver(() => ExportType)
export class ExportsResolver {
  @Query(() => ExportType, {
    nullable: true,
    description: 'One export; null when there is none. Needs USAGE_READ. One of audit events needs AUDIT_READ in its place.',
  })
  export(@Ctx() context: RequestContext, @Arg('id', () => ID) id: string): Promise<ExportType | null> {
    return context.services.exports.find(asAdmin(context), id);
  }

  @Mutation(() => ExportPayload, { description: 'Makes an export of what there is now. Needs USAGE_READ. One of audit events needs AUDIT_READ in its place.' })
  createExport(@Ctx() context: RequestContext, @Arg('input', () => CreateExportInput) input: CreateExportInput): Promise<ExportPayload> {
    const admin = asAdmin(context);
    return asPayload(async () => ({ export: await context.services.exports.create(admin, wantedOf(input)) }), { export: null });
  }

  @FieldResolver(() => EXPORT_STATE, { description: 'Whether it can be downloaded.' })
  state(@Root() found: Export): ExportState {
    return stateOf(found, Date.now());
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: 'Path on the control plane, good for a quarter of an hour and for whoever has it; null while there is nothing to download.',
  })
  downloadUrl(@Root() found: Export, @Ctx() context: RequestContext): string | null {
    return context.services.exports.linkTo(found, asAdmin(context));
  }

  @Subscription(() => ExportType, {
    description: 'An export as it stands, and whenever that changes. Needs USAGE_READ. One of audit events needs AUDIT_READ in its place.',
    subscribe: async ({ context, args }: { context: RequestContext; args: { id?: string } }) => {
      const admin = asAdmin(context);
      await context.services.exports.find(admin, args.id ?? '');
      return endingWith((signal) => follow(admin, args.id ?? '', signal));
    },
  })
  exportChanged(@Root() found: Export, @Arg('id', () => ID) _id: string): ExportType {
    return found;
  }
}

function wantedOf({ kind, format, usage, audit }: CreateExportInput) {
  const other = kind === 'USAGE' ? (audit ?? null) : (usage ?? null);
  if (other !== null) throw refuseInput([kind === 'USAGE' ? 'audit' : 'usage'], 'INVALID', `that is no filter of ${kind.toLowerCase()}`);
  return { kind, format, filter: kind === 'USAGE' ? (usage ?? { range: {} }) : (audit ?? {}) };
}

async function* follow(context: AdminContext, id: string, signal: AbortSignal): AsyncGenerator<Export> {
  const { services, caller } = context;
  let isFirst = true;
  for await (const changed of services.liveChanges.follow(caller.organisationId, 'EXPORT', signal)) {
    if (!isFirst && !changed.includes(id)) continue;
    isFirst = false;
    const found = await services.exports.find(context, id);
    if (found === null) return;
    yield found;
  }
}
