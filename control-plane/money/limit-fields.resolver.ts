/** The fields of budgets and quotas that are made of what is stored, counted or recorded. */
import { Arg, Ctx, FieldResolver, Int, Resolver, Root } from 'type-graphql';
import { formatUsd } from '../../shared/nanos-usd.ts';
import { badInput } from '../graphql/errors.ts';
import { McpServerType } from '../mcp-servers/mcp-server.types.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { Money } from './money.types.ts';
import type { Limit } from './limit.entity.ts';
import { BudgetType, LimitType, LimitWindowType, QuotaType } from './limit.types.ts';
import { pastWindows, presentWindow } from './limit-windows.ts';
import { BigIntString } from '../graphql/scalars.ts';

const HISTORY_MAX = 60;

@Resolver(() => LimitType)
export class LimitFieldsResolver {
  @FieldResolver(() => LimitWindowType, {
    nullable: true,
    description:
      'The window of the moment, as the counters have it; null while the schedule is not running, and with an error while the counters do not answer.',
  })
  window(@Root() limit: Limit, @Ctx() { loaders }: RequestContext): Promise<LimitWindowType | null> {
    return presentWindow(limit, Date.now(), loaders.windowCounts);
  }

  @FieldResolver(() => McpServerType, { nullable: true, description: 'The one server that it is narrowed to.' })
  server(@Root() { mcpServerId }: Limit, @Ctx() { loaders }: RequestContext): Promise<McpServerType | null> {
    return mcpServerId == null ? Promise.resolve(null) : loaders.mcpServers.load(mcpServerId);
  }
}

@Resolver(() => BudgetType)
export class BudgetFieldsResolver {
  @FieldResolver(() => Money, { description: 'What may be spent in a window.' })
  limit(@Root() { amount }: Limit): Money {
    return { nanosUsd: amount, usd: formatUsd(BigInt(amount)) };
  }

  @FieldResolver(() => [LimitWindowType], {
    description: 'The windows before that of the moment, newest first: what the recorded calls in them cost, against the limit as it is now. Needs USAGE_READ.',
  })
  history(@Root() budget: Limit, @Ctx() context: RequestContext, @Arg('first', () => Int, { defaultValue: 12 }) first: number): Promise<LimitWindowType[]> {
    const { loaders } = asAdmin(context, 'USAGE_READ');
    if (first < 1 || first > HISTORY_MAX) throw badInput(`first must be between 1 and ${HISTORY_MAX}`);
    return pastWindows(budget, Date.now(), { first, costs: loaders.windowCosts });
  }
}

@Resolver(() => QuotaType)
export class QuotaFieldsResolver {
  @FieldResolver(() => BigIntString, { description: 'How much of its metric a window allows.' })
  limit(@Root() { amount }: Limit): string {
    return amount;
  }
}
