/** GraphQL to usage: pages of records, one record, and records as they come. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { Arg, Args, ArgsType, Ctx, Field, ID, Info, Int, Query, Resolver, Root, Subscription } from 'type-graphql';
import { readPage, selects, type Connection } from '../graphql/connection.ts';
import { endingWith } from '../graphql/ending-with.ts';
import { badInput } from '../graphql/errors.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { toUsageRecord } from './usage-record.ts';
import { UsageFilterInput, UsageOrderInput } from './usage-filter.types.ts';
import { readSequence } from './usage-sequence.ts';
import { UsageRecordConnection, UsageRecordEventType, UsageRecordType } from './usage.types.ts';

const PAGE_DEFAULT = 100;
const PAGE_MAX = 500;

@ArgsType()
class UsageRecordsArgs {
  @Field(() => Int, { defaultValue: PAGE_DEFAULT })
  first!: number;

  @Field(() => String, { nullable: true })
  after!: string | null;

  @Field(() => UsageFilterInput)
  filter!: UsageFilterInput;

  @Field(() => UsageOrderInput, { nullable: true })
  orderBy!: UsageOrderInput | null;
}

@Resolver()
export class UsageResolver {
  @Query(() => UsageRecordConnection, { description: 'Usage records, newest first unless ordered otherwise. Needs USAGE_READ.' })
  async usageRecords(
    @Ctx() context: RequestContext,
    @Args(() => UsageRecordsArgs) args: UsageRecordsArgs,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<UsageRecordType>> {
    const admin = asAdmin(context, 'USAGE_READ');
    const page = readPage(args.first, args.after, PAGE_MAX);
    const order = args.orderBy ?? { field: 'OCCURRED_AT', direction: 'DESC' };
    const rows = await context.services.usageRecords.list(admin, args.filter, order, page, selects(info, 'totalCount'));
    const edges = rows.edges.map(({ cursor, node }) => ({ cursor, node: toUsageRecord(node) }));
    return { ...rows, edges, nodes: edges.map(({ node }) => node) };
  }

  @Query(() => UsageRecordType, { nullable: true, description: 'One usage record by id or request id; null when there is none. Needs USAGE_READ.' })
  async usageRecord(
    @Ctx() context: RequestContext,
    @Arg('id', () => ID, { nullable: true }) id: string | null,
    @Arg('requestId', () => String, { nullable: true }) requestId: string | null,
  ): Promise<UsageRecordType | null> {
    const admin = asAdmin(context, 'USAGE_READ');
    if (id == null && requestId == null) throw badInput('give an id or a requestId');
    const row = await context.services.usageRecords.find(admin, id != null ? { id } : { requestId: requestId ?? '' });
    return row === null ? null : toUsageRecord(row);
  }

  @Subscription(() => UsageRecordEventType, {
    description: 'Usage records as they are written; with `after`, first those that were written since that cursor. Needs USAGE_READ.',
    subscribe: ({ context, args }: { context: RequestContext; args: { filter?: UsageFilterInput; after?: string | null } }) => {
      const { caller } = asAdmin(context, 'USAGE_READ');
      const filter = args.filter ?? { range: {} };
      const after = args.after == null ? null : readSequence(args.after);
      return endingWith((signal) => follow(context, caller.organisationId, { filter, after }, signal));
    },
  })
  usageRecordAdded(
    @Root() event: UsageRecordEventType,
    @Arg('filter', () => UsageFilterInput) _filter: UsageFilterInput,
    @Arg('after', () => String, { nullable: true }) _after: string | null,
  ): UsageRecordEventType {
    return event;
  }
}

async function* follow(
  context: RequestContext,
  organisationId: string,
  given: { filter: Parameters<RequestContext['services']['usageLive']['follow']>[1]; after: string | null },
  signal: AbortSignal,
): AsyncGenerator<UsageRecordEventType> {
  for await (const event of context.services.usageLive.follow(organisationId, given.filter, given.after, signal)) {
    yield { cursor: event.cursor, record: toUsageRecord(event.record), dropped: event.dropped };
  }
}
