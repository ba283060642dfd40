/** What a rule that only observes would have done, as a usage event carries it: `code/reason`, and behind a space the rule as `kind:id:path`. */
import type { Refusal, RuleReference } from './refusal.ts';

export interface Observation {
  readonly code: string;
  readonly reason: string;
  readonly rule: RuleReference | undefined;
}

const FORM = /^([a-z_]+)\/([a-z_]+)(?: ([^:]+):([^:]*):(.*))?$/;

/** The refusal that it would have been. */
export function writeObservation({ code, reason, facts: { rule } }: Pick<Refusal, 'code' | 'reason' | 'facts'>): string {
  return rule === undefined ? `${code}/${reason}` : `${code}/${reason} ${rule.kind}:${rule.id ?? ''}:${rule.path}`;
}

/** Undefined for text that is none. */
export function readObservation(text: string): Observation | undefined {
  const [, code, reason, kind, id, path] = FORM.exec(text) ?? [];
  if (code === undefined || reason === undefined) return undefined;
  return { code, reason, rule: kind === undefined || path === undefined ? undefined : { kind, path, ...(id ? { id } : {}) } };
}

/** Several observations of one step: their codes and reasons, and the rule of the first. */
export function summaryOf(texts: readonly string[]): { readonly reason: string; readonly rule: RuleReference | null } {
  const observations = texts.flatMap((text) => readObservation(text) ?? []);
  return { reason: observations.map(({ code, reason }) => `${code}/${reason}`).join(', '), rule: observations[0]?.rule ?? null };
}
