/** GraphQL to alerts: those that last, and each as it is raised or over. */
import { Arg, Ctx, Query, Resolver, Root, Subscription } from 'type-graphql';
import { endingWith } from '../graphql/ending-with.ts';
import { asAdmin, type AdminContext, type RequestContext } from '../request-context.ts';
import type { Alert } from './alert.entity.ts';
import { AlertType } from './alert.types.ts';

@Resolver()
export class AlertsResolver {
  @Query(() => [AlertType], {
    description: 'Alerts, newest first, 500 at most; those that last, or with `active: false` also those of the last 90 days that are over. Needs USAGE_READ.',
  })
  alerts(@Ctx() context: RequestContext, @Arg('active', () => Boolean, { defaultValue: true }) active: boolean): Promise<AlertType[]> {
    return context.services.alerts.list(asAdmin(context, 'USAGE_READ'), { active });
  }

  @Subscription(() => AlertType, {
    description: 'Alerts as they are raised, as they get worse, and as they are over. Needs USAGE_READ.',
    subscribe: ({ context }: { context: RequestContext }) => {
      const admin = asAdmin(context, 'USAGE_READ');
      return endingWith((signal) => changedAlerts(admin, signal));
    },
  })
  alertRaised(@Root() alert: Alert): AlertType {
    return alert;
  }
}

async function* changedAlerts({ services, caller, em }: AdminContext, signal: AbortSignal): AsyncGenerator<Alert> {
  for await (const ids of services.liveChanges.follow(caller.organisationId, 'ALERT', signal)) yield* await services.alerts.findAll(em.fork(), ids);
}
