/** The shape of a semantic filter: what a message must not hold, and what becomes of one that does. */
import { z } from 'zod';
import { DETECTORS } from './detectors.ts';

export const KEYWORDS_MAX = 500;
export const PATTERNS_MAX = 50;

/** A keyword must hold a character that is seen; white space and invisible characters alone would match everything or nothing. */
const SEEN = /[^\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/u;

/** From the mildest to the strictest: where several rules match, the strictest decides. */
export const FILTER_ACTIONS = ['OBSERVE', 'REDACT', 'BLOCK'] as const;
export type FilterAction = (typeof FILTER_ACTIONS)[number];

export const FILTER_DIRECTIONS = ['REQUEST', 'RESPONSE'] as const;
export type FilterDirection = (typeof FILTER_DIRECTIONS)[number];

export const semanticFilterSchema = z.strictObject({
  blockedKeywords: z.array(z.string().min(1).max(256).regex(SEEN, 'must not be blank')).max(KEYWORDS_MAX),
  /** RE2 syntax, so that a pattern runs in linear time whatever the text. */
  blockedPatterns: z.array(z.string().min(1).max(1024)).max(PATTERNS_MAX),
  /** Documents that were written before there were any do not have it. */
  detectors: z.array(z.enum(DETECTORS)).max(DETECTORS.length).default([]),
  applyTo: z.array(z.enum(FILTER_DIRECTIONS)).max(2),
  action: z.enum(FILTER_ACTIONS),
});
export type SemanticFilter = z.infer<typeof semanticFilterSchema>;
