/** The shape of a semantic filter; how it is judged is the data plane's (`data-plane/guardrails/semantic-filter.ts`). */
import { z } from 'zod';

export const KEYWORDS_MAX = 500;
export const PATTERNS_MAX = 50;

/** A keyword must hold a character that is seen; white space and invisible characters alone would match everything or nothing. */
const SEEN = /[^\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/u;

export const semanticFilterSchema = z.strictObject({
  blockedKeywords: z.array(z.string().min(1).max(256).regex(SEEN, 'must not be blank')).max(KEYWORDS_MAX),
  /** RE2 syntax, so that a pattern runs in linear time whatever the text. */
  blockedPatterns: z.array(z.string().min(1).max(1024)).max(PATTERNS_MAX),
  applyTo: z.array(z.enum(['REQUEST', 'RESPONSE'])).max(2),
  action: z.enum(['BLOCK', 'REDACT', 'OBSERVE']),
});
export type SemanticFilter = z.infer<typeof semanticFilterSchema>;
