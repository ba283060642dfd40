/** The filters that hold for a key at a server, those of its organisation and of the server, and what they make of a message. */
import type { CompiledFilter } from '../../shared/content-filter/compiled-filter.ts';
import type { FilterMatch, FoundRule, RuleKind } from '../../shared/content-filter/filter-match.ts';
import type { FilterAction, FilterDirection } from '../../shared/content-filter/semantic-filter.ts';
import { Refusal } from '../../shared/refusal.ts';
import type { Trail } from '../trail.ts';
import { messageTextsOf, type MessageText } from './message-texts.ts';
import { redact } from './redaction.ts';

/** A filter, and whose it is. */
export interface OwnedFilter {
  readonly filter: CompiledFilter;
  readonly owner: { readonly kind: 'organisation' | 'mcpServer'; readonly id: string };
}

export interface ContentRules {
  readonly request: readonly OwnedFilter[];
  readonly response: readonly OwnedFilter[];
}

const WORDS: Readonly<Record<RuleKind, string>> = { KEYWORD: 'a blocked keyword', PATTERN: 'a blocked pattern', DETECTOR: 'what a detector finds' };
const PATHS: Readonly<Record<RuleKind, string>> = {
  KEYWORD: 'semanticFilter.blockedKeywords',
  PATTERN: 'semanticFilter.blockedPatterns',
  DETECTOR: 'semanticFilter.detectors',
};
const NOUNS: Readonly<Record<FilterDirection, string>> = { REQUEST: 'the message', RESPONSE: 'the answer' };

export function contentRulesOf(filters: readonly OwnedFilter[]): ContentRules {
  return {
    request: filters.filter(({ filter }) => filter.appliesToRequest),
    response: filters.filter(({ filter }) => filter.appliesToResponse),
  };
}

export interface JudgedContent {
  /** Valid JSON of bounded depth, without a key twice. */
  readonly bytes: Buffer;
  /** The same, parsed. */
  readonly value: unknown;
  readonly direction: FilterDirection;
  /** What travels beside the bytes and says the same, such as in headers: judged as well, and never changed. */
  readonly besides?: readonly string[];
}

interface Matched extends OwnedFilter {
  readonly first: FilterMatch;
  /** Undefined when there is more than could be told. */
  readonly found: readonly FoundRule[] | undefined;
}

/** Answers the bytes that may pass: the same buffer, unless something in them is redacted. Throws the refusal of the strictest rule that matches. */
export function judgeContent(filters: readonly OwnedFilter[], content: JudgedContent, trail: Trail): Buffer {
  const { bytes, value, direction, besides = [] } = content;
  const judged = besides.length === 0 ? value : [value, besides];
  const matching = filters.flatMap((owned) => {
    const first = owned.filter.findIn(judged);
    return first === undefined ? [] : [{ ...owned, first }];
  });
  if (matching.length === 0) return bytes;
  const texts = [...messageTextsOf(bytes), ...besides.map(fixedText)];
  const matched = matching.map((match): Matched => ({ ...match, found: match.filter.findAllIn(texts) }));
  const blocker = matched.find(({ filter }) => filter.action === 'BLOCK');
  const redacters = matched.filter(({ filter }) => filter.action === 'REDACT');
  const redacted = blocker === undefined ? redactAll(bytes, texts, redacters) : undefined;
  const refuser = blocker ?? (redacted === undefined ? redacters[0] : undefined);
  for (const match of matched) note(trail, direction, match, match.filter.action === 'REDACT' && redacted === undefined ? 'BLOCK' : match.filter.action);
  for (const match of matched) if (match.filter.action === 'OBSERVE') trail.observe(refusalOf(match, NOUNS[direction]));
  if (refuser !== undefined) throw refusalOf(refuser, NOUNS[direction]);
  return redacted ?? bytes;
}

/** Undefined when something cannot be redacted, or what matched cannot be found again: then nothing may pass. */
function redactAll(bytes: Buffer, texts: readonly MessageText[], redacters: readonly Matched[]): Buffer | undefined {
  if (redacters.length === 0) return bytes;
  if (redacters.some(({ found }) => found === undefined || found.length === 0)) return undefined;
  return redact(
    bytes,
    texts,
    redacters.flatMap(({ found = [] }) => found),
  );
}

function note(trail: Trail, direction: FilterDirection, { first, found = [] }: Matched, action: FilterAction): void {
  const byRule = Map.groupBy<string, FilterMatch>(found.length === 0 ? [first] : found, ({ kind, rule }) => `${kind} ${rule}`);
  for (const [{ kind, rule } = first, ...others] of byRule.values()) trail.dlp.note({ direction, kind, rule, action }, 1 + others.length);
}

function refusalOf({ first, filter, owner }: Matched, noun: string): Refusal {
  const why = filter.action === 'REDACT' ? `${noun} holds ${WORDS[first.kind]} where nothing can be redacted` : `${noun} holds ${WORDS[first.kind]}`;
  return new Refusal('mcp_guardrail_block', 'semantic_filter', why, { rule: { ...owner, path: PATHS[first.kind] } });
}

function fixedText(text: string): MessageText {
  return { text, label: '', role: 'VALUE', start: 0, end: 0, isFixed: true, isBlob: false };
}
