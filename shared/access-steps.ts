/** The steps of the access flow by their names, in their order: records and explanations number them from 1. */

export const ACCESS_STEPS = [
  'enterConcurrency',
  'allowMethod',
  'checkAvailability',
  'assignRequestId',
  'limitBeforeAuth',
  'authenticateKey',
  'resolveServer',
  'requireEnabled',
  'checkAccessGrant',
  'enforcePolicy',
  'extractRpc',
  'applyToolRules',
  'reserveSpend',
  'proxyUpstream',
  'reconcileRateLimit',
  'settleSpend',
  'recordUsage',
] as const;
export type AccessStep = (typeof ACCESS_STEPS)[number];

/** Requests that end there have passed the policies, and are charged their rates on their way out. */
export const CHARGED_ON_THE_WAY_OUT: ReadonlySet<string> = new Set<AccessStep>(['extractRpc', 'applyToolRules']);

/** From 1; 0 for what is no step. */
export function orderOfStep(name: string): number {
  return ACCESS_STEPS.findIndex((step) => step === name) + 1;
}
