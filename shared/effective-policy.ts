/** What the rules of all scopes come to together: the one bound of each kind that a call meets first. */
import { intersectCidrs } from './cidr.ts';
import { strictestOf, type PolicyRules, type RateRule } from './policy-rules.ts';

/** Of rules that are enforced alone. Null where there is no limit. */
export interface EffectivePolicy {
  /** Null lets every address call, an empty list none. */
  readonly allowlist: readonly string[] | null;
  /** Wins over the allowlist. */
  readonly blocklist: readonly string[];
  /** The smallest limit for each length of window; each scope counts its own calls. */
  readonly perSecond: number | null;
  readonly perMinute: number | null;
  readonly perHour: number | null;
  readonly perDay: number | null;
  readonly burst: number | null;
  readonly maxRequestBytes: number | null;
  readonly maxResponseBytes: number | null;
  readonly maxConcurrency: number | null;
}

export function effectivePolicyOf(rules: PolicyRules): EffectivePolicy {
  const addresses = rules.addresses.filter(({ observe }) => !observe);
  const allowlists = addresses.filter(({ kind }) => kind === 'allowlist').map(({ cidrs }) => cidrs);
  const rates = rules.rates.filter(({ observe }) => !observe);
  return {
    allowlist: allowlists.length === 0 ? null : intersectCidrs(allowlists),
    blocklist: [...new Set(addresses.filter(({ kind }) => kind === 'blocklist').flatMap(({ cidrs }) => cidrs))],
    perSecond: smallestRate(rates, 1000),
    perMinute: smallestRate(rates, 60_000),
    perHour: smallestRate(rates, 3_600_000),
    perDay: smallestRate(rates, 86_400_000),
    burst: smallest(rates.flatMap(({ burst }) => burst ?? [])),
    maxRequestBytes: strictestOf(rules.requestBytes, false)?.bytesMax ?? null,
    maxResponseBytes: strictestOf(rules.responseBytes, false)?.bytesMax ?? null,
    maxConcurrency: smallest(rules.leases.filter(({ observe }) => !observe).map(({ max }) => max)),
  };
}

function smallestRate(rates: readonly RateRule[], length: number): number | null {
  return smallest(rates.filter(({ windowMillis }) => windowMillis === length).map(({ limit }) => limit));
}

function smallest(numbers: readonly number[]): number | null {
  return numbers.length === 0 ? null : Math.min(...numbers);
}
