/** What people know a rule by, and where they edit it. */
import { Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import type { RequestContext } from '../request-context.ts';
import { RuleRef } from './decision-trace.types.ts';

@Resolver(() => RuleRef)
export class RuleRefResolver {
  @FieldResolver(() => String, { description: 'What people know the noun by; its kind, where it is gone.' })
  async label(@Root() { kind, id, path }: RuleRef, @Ctx() { loaders }: RequestContext): Promise<string> {
    return (await loaders.rulePlaces.load({ kind, id, path }))?.label ?? kind;
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: 'The page of the console where the rule is edited; null where there is none, or the noun is gone.',
  })
  async href(@Root() { kind, id, path }: RuleRef, @Ctx() { loaders }: RequestContext): Promise<string | null> {
    return (await loaders.rulePlaces.load({ kind, id, path }))?.href ?? null;
  }
}
