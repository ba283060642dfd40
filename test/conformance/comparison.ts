/** Sets what passed through the gateway against what passes directly, and says what is wrong with it. */
import type { ConformanceException, UpstreamTransport } from './exceptions.ts';
import type { RequirementSet, SuiteResult } from './suite.ts';

export interface Results {
  readonly transport: UpstreamTransport;
  readonly requirements: RequirementSet;
  readonly direct: SuiteResult;
  readonly governed: SuiteResult;
}

export interface Comparison extends Results {
  /** Checks that pass directly and not through the gateway, for no reason that is known. */
  readonly lost: readonly string[];
  /** Checks that are lost for a reason. */
  readonly excepted: readonly ConformanceException[];
}

export function compare(results: Results, exceptions: readonly ConformanceException[]): Comparison {
  const kept = new Set(results.governed.passed);
  const missing = results.direct.passed.filter((check) => !kept.has(check));
  const excepted = exceptions.filter(({ transport, requirements, check }) => {
    return transport === results.transport && requirements === results.requirements && missing.includes(check);
  });
  return { ...results, lost: missing.filter((missed) => !excepted.some(({ check }) => check === missed)), excepted };
}

/** The exceptions that hide nothing: their checks pass, or were never made. */
export function staleExceptions(comparisons: readonly Comparison[], exceptions: readonly ConformanceException[]): ConformanceException[] {
  return exceptions.filter((exception) => !comparisons.some(({ excepted }) => excepted.includes(exception)));
}
