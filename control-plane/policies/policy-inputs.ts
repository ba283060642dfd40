/** Reads envelopes as people write them, and refuses rules that would refuse every call by accident. */
import { policyEnvelopeSchema, type PolicyEnvelope } from '../../shared/policy.ts';
import { denyAllFaults } from '../../shared/policy-faults.ts';
import { InputRefused, parseInput } from '../graphql/input-refused.ts';
import type { UserError } from '../graphql/user-error.types.ts';

/** As the documentation shows it, `{policies: {…}}`, or what stands inside. `at` is the path of the input that holds it. */
export function readEnvelope(given: unknown, at: readonly string[]): PolicyEnvelope {
  return parseInput(policyEnvelopeSchema, isEnveloped(given) ? given : { policies: given }, at);
}

export function isEmpty({ policies }: PolicyEnvelope): boolean {
  return Object.keys(policies).length === 0;
}

export function requireSomeCalls(envelope: PolicyEnvelope): void {
  const errors = denyAllErrors(envelope);
  if (errors.length > 0) throw new InputRefused(errors);
}

/** What is wrong with a draft, without saving it. */
export function draftErrors(given: unknown): UserError[] {
  try {
    return denyAllErrors(readEnvelope(given, ['policy']));
  } catch (error) {
    if (error instanceof InputRefused) return [...error.userErrors];
    throw error;
  }
}

const HINT = 'leave it out for no limit; if every call is to be refused, say mayDenyAll: true';

function denyAllErrors(envelope: PolicyEnvelope): UserError[] {
  return denyAllFaults(envelope).map(({ path, message }) => ({ field: ['policy', ...path], message, code: 'DENIES_ALL', hint: HINT }));
}

function isEnveloped(given: unknown): boolean {
  return typeof given === 'object' && given !== null && 'policies' in given;
}
