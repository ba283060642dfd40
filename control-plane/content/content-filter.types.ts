/** The public shape of semantic filters, of a server or of a whole organisation. */
import { Field, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { DETECTORS } from '../../shared/content-filter/detectors.ts';
import type { SemanticFilter } from '../../shared/content-filter/semantic-filter.ts';

export const FILTER_DIRECTION = { REQUEST: 'REQUEST', RESPONSE: 'RESPONSE' } as const;
registerEnumType(FILTER_DIRECTION, { name: 'FilterDirection', description: 'What a filter looks at.' });
export const FILTER_ACTION = { BLOCK: 'BLOCK', REDACT: 'REDACT', OBSERVE: 'OBSERVE' } as const;
registerEnumType(FILTER_ACTION, {
  name: 'FilterAction',
  description: 'What a filter does with a match. Where several match, BLOCK comes before REDACT and OBSERVE.',
});
export const DETECTOR: Readonly<Record<string, string>> = Object.fromEntries(DETECTORS.map((name) => [name, name]));
registerEnumType(DETECTOR, {
  name: 'Detector',
  description: 'Personal data and secrets that are known by their form and their check digits; docs/guardrails.md says which.',
});

@ObjectType('SemanticFilter', { description: 'Words, patterns and personal data or secrets that messages must not hold.' })
export class SemanticFilterType {
  @Field(() => [String], { description: 'Found whatever their case, width or spacing.' })
  blockedKeywords!: string[];

  @Field(() => [String], { description: 'RE2 syntax.' })
  blockedPatterns!: string[];

  @Field(() => [DETECTOR], { description: 'Ready-made ones.' })
  detectors!: SemanticFilter['detectors'];

  @Field(() => [FILTER_DIRECTION], { description: 'What it looks at.' })
  applyTo!: SemanticFilter['applyTo'];

  @Field(() => FILTER_ACTION, { description: 'What it does with a match.' })
  action!: SemanticFilter['action'];
}

@InputType('SemanticFilterInput', { description: 'Words, patterns and personal data or secrets that messages must not hold.' })
export class SemanticFilterInputType {
  @Field(() => [String], { nullable: true, description: 'Found whatever their case, width or spacing.' })
  blockedKeywords!: string[] | null;

  @Field(() => [String], { nullable: true, description: 'RE2 syntax.' })
  blockedPatterns!: string[] | null;

  @Field(() => [DETECTOR], { nullable: true, description: 'Ready-made ones.' })
  detectors!: string[] | null;

  @Field(() => [FILTER_DIRECTION], { nullable: true, description: 'What it looks at; requests when not given.' })
  applyTo!: string[] | null;

  @Field(() => FILTER_ACTION, { nullable: true, description: 'What it does with a match; BLOCK when not given.' })
  action!: string | null;
}

@InputType({ description: 'The filter of the organisation, which holds at all its servers beside theirs.' })
export class SetOrganisationFilterInput {
  @Field(() => SemanticFilterInputType, { nullable: true, description: 'None removes it.' })
  filter!: SemanticFilterInputType | null;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the organisation has another version.' })
  expectedVersion!: number | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}
