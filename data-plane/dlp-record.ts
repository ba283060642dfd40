/** What the rules of content did with one request and its answer, as the record tells it: which rules, how often, never the text. */
import { DLP_FINDINGS_MAX, DLP_RULE_LENGTH_MAX, type DlpFinding, type DlpOutcome } from '../shared/dlp.ts';

const OUTCOMES = { OBSERVE: 'OBSERVED', REDACT: 'REDACTED', BLOCK: 'BLOCKED' } as const;
const STRICTNESS: readonly DlpOutcome[] = ['NONE', 'OBSERVED', 'REDACTED', 'BLOCKED'];

export class DlpRecord {
  #outcome: DlpOutcome = 'NONE';
  #findings: Map<string, DlpFinding> | undefined;

  /** Adds to what was found; the strictest of all that was done is the outcome. */
  note(finding: Omit<DlpFinding, 'count'>, count = 1): void {
    const outcome = OUTCOMES[finding.action];
    if (STRICTNESS.indexOf(outcome) > STRICTNESS.indexOf(this.#outcome)) this.#outcome = outcome;
    const told = { ...finding, rule: finding.rule.slice(0, DLP_RULE_LENGTH_MAX) };
    const key = JSON.stringify(told);
    const findings = (this.#findings ??= new Map<string, DlpFinding>());
    const known = findings.get(key);
    if (known !== undefined || findings.size < DLP_FINDINGS_MAX) findings.set(key, { ...told, count: (known?.count ?? 0) + count });
  }

  get outcome(): DlpOutcome {
    return this.#outcome;
  }

  /** As a usage event has them; undefined when nothing was found. */
  get findingsJson(): string | undefined {
    return this.#findings === undefined ? undefined : JSON.stringify([...this.#findings.values()]);
  }
}
