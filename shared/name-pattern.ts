/** Patterns over what clients call themselves: `*` stands for any text and `?` for one character, whatever the case. */
import { RE2JS } from 're2js';
import { z } from 'zod';

export const namePatternSchema = z.string().trim().min(1).max(64);

const FLAGS = RE2JS.CASE_INSENSITIVE | RE2JS.DOTALL;

/** Whether one of them is about the whole text. In time that grows with the text alone, whatever the patterns. */
export function compileNamePatterns(patterns: readonly string[]): (text: string) => boolean {
  if (patterns.length === 0) return () => false;
  const compiled = RE2JS.compile(patterns.map(expressionOf).join('|'), FLAGS);
  return (text) => compiled.matches(text);
}

function expressionOf(pattern: string): string {
  return Array.from(pattern, (letter) => (letter === '*' ? '.*' : letter === '?' ? '.' : RE2JS.quote(letter))).join('');
}
