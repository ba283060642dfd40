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

/** From 1; 0 for what is no step. */
export function orderOfStep(name: string): number {
  return ACCESS_STEPS.findIndex((step) => step === name) + 1;
}
