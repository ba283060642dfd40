/** GraphQL to the limits service. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { Arg, Args, ArgsType, Ctx, Field, ID, Info, Int, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql';
import { IdInput } from '../api-keys/api-key.types.ts';
import { PAGE_DEFAULT, readPage, type Connection } from '../graphql/connection.ts';
import { endingWith } from '../graphql/ending-with.ts';
import { asPayload } from '../graphql/input-refused.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { BudgetInput, QuotaInput, UpdateBudgetInput, UpdateQuotaInput } from './limit-inputs.types.ts';
import { toBudgetChange, toNewBudget, toNewQuota, toQuotaChange } from './limit-inputs.ts';
import type { LimitEvent } from './limit-live.ts';
import {
  BudgetConnection,
  BudgetPayload,
  DeletePayload,
  LimitEventType,
  QuotaConnection,
  QuotaPayload,
  type BudgetType,
  type QuotaType,
} from './limit.types.ts';
import type { ChangedLimit, LimitsFilter } from './limits.service.ts';

@ArgsType()
class LimitsArgs {
  @Field(() => Int, { defaultValue: PAGE_DEFAULT })
  first!: number;

  @Field(() => String, { nullable: true })
  after!: string | null;

  @Field(() => [ID], { nullable: true })
  ownerId!: string[] | null;

  @Field(() => [ID], { nullable: true })
  serverId!: string[] | null;

  @Field(() => Boolean, { nullable: true })
  active!: boolean | null;
}

@Resolver()
export class LimitsResolver {
  @Query(() => BudgetConnection, { description: 'Budgets, oldest first; of some owners, narrowed to some servers, or all.' })
  budgets(@Ctx() context: RequestContext, @Args(() => LimitsArgs) args: LimitsArgs, @Info() info: GraphQLResolveInfo): Promise<Connection<BudgetType>> {
    return context.services.limits.list(asAdmin(context), 'Budget', filterOf(args), readPage(args.first, args.after), info);
  }

  @Query(() => QuotaConnection, { description: 'Quotas, oldest first; of some owners, narrowed to some servers, or all.' })
  quotas(@Ctx() context: RequestContext, @Args(() => LimitsArgs) args: LimitsArgs, @Info() info: GraphQLResolveInfo): Promise<Connection<QuotaType>> {
    return context.services.limits.list(asAdmin(context), 'Quota', filterOf(args), readPage(args.first, args.after), info);
  }

  @Mutation(() => BudgetPayload, { description: 'Makes a budget, in force from the next call on. Needs BUDGET_MANAGE.' })
  createBudget(@Ctx() context: RequestContext, @Arg('input', () => BudgetInput) input: BudgetInput): Promise<BudgetPayload> {
    const admin = asAdmin(context, 'BUDGET_MANAGE');
    return asPayload(async () => asBudget(await context.services.limits.create(admin, toNewBudget(input))), { budget: null, changes: [] });
  }

  @Mutation(() => BudgetPayload, { description: 'Changes what is given of a budget, from the next call on. Needs BUDGET_MANAGE.' })
  updateBudget(@Ctx() context: RequestContext, @Arg('input', () => UpdateBudgetInput) input: UpdateBudgetInput): Promise<BudgetPayload> {
    const admin = asAdmin(context, 'BUDGET_MANAGE');
    return asPayload(async () => asBudget(await context.services.limits.update(admin, toBudgetChange(input))), { budget: null, changes: [] });
  }

  @Mutation(() => QuotaPayload, { description: 'Makes a quota, in force from the next call on. Needs BUDGET_MANAGE.' })
  createQuota(@Ctx() context: RequestContext, @Arg('input', () => QuotaInput) input: QuotaInput): Promise<QuotaPayload> {
    const admin = asAdmin(context, 'BUDGET_MANAGE');
    return asPayload(async () => asQuota(await context.services.limits.create(admin, toNewQuota(input))), { quota: null, changes: [] });
  }

  @Mutation(() => QuotaPayload, { description: 'Changes what is given of a quota, from the next call on. Needs BUDGET_MANAGE.' })
  updateQuota(@Ctx() context: RequestContext, @Arg('input', () => UpdateQuotaInput) input: UpdateQuotaInput): Promise<QuotaPayload> {
    const admin = asAdmin(context, 'BUDGET_MANAGE');
    return asPayload(async () => asQuota(await context.services.limits.update(admin, toQuotaChange(input))), { quota: null, changes: [] });
  }

  @Mutation(() => DeletePayload, { description: 'Takes a budget or quota away, from the next call on. Needs BUDGET_MANAGE.' })
  deleteLimit(@Ctx() context: RequestContext, @Arg('input', () => IdInput) input: IdInput): Promise<DeletePayload> {
    const admin = asAdmin(context, 'BUDGET_MANAGE');
    return asPayload(async () => ({ deletedId: await context.services.limits.delete(admin, input.id, input.expectedVersion ?? null) }), { deletedId: null });
  }

  @Subscription(() => LimitEventType, {
    description: 'Limits as they pass the shares at which their owners want to be warned, or with `thresholdOnly: false` as anything in their windows moves.',
    subscribe: ({ context, args }: { context: RequestContext; args: { ownerId?: string | null; thresholdOnly: boolean } }) => {
      const admin = asAdmin(context);
      const wanted = { ownerId: args.ownerId ?? null, thresholdOnly: args.thresholdOnly };
      return endingWith((signal) => context.services.limitLive.follow(admin, wanted, signal));
    },
  })
  limitChanged(
    @Root() event: LimitEvent,
    @Arg('ownerId', () => ID, { nullable: true }) _ownerId: string | null,
    @Arg('thresholdOnly', () => Boolean, { defaultValue: true }) _thresholdOnly: boolean,
  ): LimitEventType {
    return event;
  }
}

function asBudget({ limit, changes }: ChangedLimit) {
  return { budget: limit, changes };
}

function asQuota({ limit, changes }: ChangedLimit) {
  return { quota: limit, changes };
}

function filterOf(args: LimitsArgs): LimitsFilter {
  return { ownerId: args.ownerId ?? null, serverId: args.serverId ?? null, active: args.active ?? null };
}
