/** What became of a request and its answer under the rules of content, as records tell it. */
import { z } from 'zod';
import { RULE_KINDS } from './content-filter/filter-match.ts';
import { FILTER_ACTIONS, FILTER_DIRECTIONS } from './content-filter/semantic-filter.ts';

export const DLP_OUTCOMES = ['NONE', 'OBSERVED', 'REDACTED', 'BLOCKED'] as const;
export type DlpOutcome = (typeof DLP_OUTCOMES)[number];

/** Different ones of a request; what is found beyond them changes the outcome alone. */
export const DLP_FINDINGS_MAX = 20;
/** Of a rule; longer ones are cut. */
export const DLP_RULE_LENGTH_MAX = 64;

/** A domain of a web-search policy is a rule of content too. */
export const DLP_KINDS = [...RULE_KINDS, 'DOMAIN'] as const;

export const dlpFindingSchema = z.strictObject({
  direction: z.enum(FILTER_DIRECTIONS),
  kind: z.enum(DLP_KINDS),
  /** The keyword, pattern or domain as it was configured, or the name of the detector; never the text that was found. */
  rule: z.string(),
  /** What was done about it. */
  action: z.enum(FILTER_ACTIONS),
  count: z.int(),
});
export type DlpFinding = z.infer<typeof dlpFindingSchema>;
