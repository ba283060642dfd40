/** The public shape of what a filter would find. */
import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import { DLP_KINDS } from '../../shared/dlp.ts';
import { UserError } from '../graphql/user-error.types.ts';

export const CONTENT_RULE_KIND = Object.fromEntries(DLP_KINDS.map((kind) => [kind, kind]));
registerEnumType(CONTENT_RULE_KIND, { name: 'ContentRuleKind', description: 'DOMAIN: of a web-search policy.' });

@ObjectType({ description: 'A rule that found something in a sample.' })
export class FilterFinding {
  @Field(() => CONTENT_RULE_KIND, { description: 'What kind of rule it is.' })
  kind!: string;

  @Field(() => String, { description: 'The keyword or pattern as it was given, or the name of the detector.' })
  rule!: string;

  @Field(() => Int, { description: 'How often.' })
  count!: number;
}

@ObjectType({ description: 'What a filter would find; nothing is kept.' })
export class SemanticFilterValidation {
  @Field(() => [FilterFinding], {
    nullable: true,
    description: 'What it found in the sample; null when the filter is at fault, or a pattern stands there too often to be counted.',
  })
  findings!: FilterFinding[] | null;

  @Field(() => [UserError], { description: 'What is wrong with the filter or the sample.' })
  userErrors!: UserError[];
}
