/** GraphQL to audit events: pages of them, and each as it is written. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { Arg, Args, ArgsType, Ctx, Field, Info, Int, Query, Resolver, Root, Subscription } from 'type-graphql';
import { PAGE_DEFAULT, readPage, selects, type Connection } from '../graphql/connection.ts';
import { endingWith } from '../graphql/ending-with.ts';
import { BigIntString } from '../graphql/scalars.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { requirePosition } from './audit-events.service.ts';
import type { AuditRow } from './audit-row.ts';
import { toAuditEvent } from './audit-event.ts';
import { AuditEventConnection, AuditEventType, AuditFilterInput } from './audit.types.ts';

@ArgsType()
class AuditEventsArgs {
  @Field(() => Int, { defaultValue: PAGE_DEFAULT })
  first!: number;

  @Field(() => String, { nullable: true })
  after!: string | null;

  @Field(() => AuditFilterInput, { nullable: true })
  filter!: AuditFilterInput | null;
}

@Resolver()
export class AuditResolver {
  @Query(() => AuditEventConnection, { description: 'Audit events, newest first. Needs AUDIT_READ.' })
  async auditEvents(
    @Ctx() context: RequestContext,
    @Args(() => AuditEventsArgs) args: AuditEventsArgs,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<AuditEventType>> {
    const admin = asAdmin(context, 'AUDIT_READ');
    const page = readPage(args.first, args.after);
    const rows = await context.services.auditEvents.list(admin, args.filter ?? {}, 'DESC', page, selects(info, 'totalCount'));
    const edges = rows.edges.map(({ cursor, node }) => ({ cursor, node: toAuditEvent(node) }));
    return { ...rows, edges, nodes: edges.map(({ node }) => node) };
  }

  @Subscription(() => AuditEventType, {
    description: 'Audit events as they are written; with `after`, a position, first those that were written since. Needs AUDIT_READ.',
    subscribe: ({ context, args }: { context: RequestContext; args: { after?: string | null } }) => {
      const { caller } = asAdmin(context, 'AUDIT_READ');
      const after = args.after == null ? null : requirePosition(args.after);
      return endingWith((signal) => context.services.auditLive.follow(caller.organisationId, after, signal));
    },
  })
  auditEventAdded(@Root() row: AuditRow, @Arg('after', () => BigIntString, { nullable: true }) _after: string | null): AuditEventType {
    return toAuditEvent(row);
  }
}
