/** GraphQL to what the comparisons of counters, records and sums found. */
import { Ctx, Query, Resolver } from 'type-graphql';
import { formatUsd } from '../../shared/nanos-usd.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { LimitReconciliationType, type UsageSumType } from './reconciliation.types.ts';
import type { ReconciledWindow } from './reconciliations.service.ts';
import type { UsageSum } from './rolled-up-sums.ts';
import { isExplained, unexplainedNanosOf, unexplainedOf } from './unexplained.ts';

@Resolver()
export class LimitReconciliationsResolver {
  @Query(() => [LimitReconciliationType], {
    description:
      'What was found when counters, records and sums of the limits in force were last compared. Empty without Redis, where counts end with the process.',
  })
  async reconciliation(@Ctx() context: RequestContext): Promise<LimitReconciliationType[]> {
    return (await context.services.reconciliations.list(asAdmin(context))).map(toType);
  }
}

function toType({ limit, found }: ReconciledWindow): LimitReconciliationType {
  const { startsAt, endsAt, checkedAt, used, recorded, notCounted, reserved, underWay, rolledUp } = found;
  const unexplained = unexplainedOf(found, limit.metric);
  return {
    limit,
    startsAt,
    endsAt,
    checkedAt,
    counted: String(used),
    recorded: String(recorded),
    notCounted: String(notCounted),
    reserved: String(reserved),
    underWay: String(underWay),
    rolledUp: { records: toSum(rolledUp.records), hours: toSum(rolledUp.hours), days: toSum(rolledUp.days) },
    unexplainedNanos: String(unexplainedNanosOf(unexplained, limit.metric)),
    isExplained: isExplained(unexplained),
  };
}

function toSum({ calls, nanosUsd }: UsageSum): UsageSumType {
  return { calls, cost: { nanosUsd, usd: formatUsd(BigInt(nanosUsd)) } };
}
