/** The public shape of what rules of content did with a request and its answer. */
import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { DlpFinding } from '../../shared/dlp.ts';
import { FILTER_ACTION, FILTER_DIRECTION } from '../content/content-filter.types.ts';
import { CONTENT_RULE_KIND } from '../content/filter-validation.types.ts';

export const DLP_OUTCOME = { NONE: 'NONE', OBSERVED: 'OBSERVED', REDACTED: 'REDACTED', BLOCKED: 'BLOCKED' } as const;
registerEnumType(DLP_OUTCOME, { name: 'DlpOutcome', description: 'What rules of content did: semantic filters and web-search policies.' });

@ObjectType('DlpFinding', { description: 'A rule of content that found something; the text is kept nowhere.' })
export class DlpFindingType {
  @Field(() => FILTER_DIRECTION, { description: 'Where it was found.' })
  direction!: DlpFinding['direction'];

  @Field(() => CONTENT_RULE_KIND, { description: 'What kind of rule it is.' })
  kind!: DlpFinding['kind'];

  @Field(() => String, { description: 'The keyword, pattern or domain as it was configured, cut to 64 characters, or the name of the detector.' })
  rule!: string;

  @Field(() => FILTER_ACTION, { description: 'What was done about it.' })
  action!: DlpFinding['action'];

  @Field(() => Int, { description: 'How often.' })
  count!: number;
}
