/** Finds rules that would refuse every call: valid, and hardly ever meant. */
import { cidrHolds } from './cidr.ts';
import type { PolicyEnvelope } from './policy.ts';

export interface PolicyFault {
  /** In the envelope, from `policies` on. */
  readonly path: readonly string[];
  readonly message: string;
}

/** One for each rule that no call can satisfy. */
export function denyAllFaults({ policies: { ip, ratelimit } }: PolicyEnvelope): PolicyFault[] {
  const { requests = {}, payload = {}, concurrency = {} } = ratelimit ?? {};
  const zeros = [
    ...namesOfZeros(requests).map((name) => ['ratelimit', 'requests', name]),
    ...namesOfZeros(payload).map((name) => ['ratelimit', 'payload', name]),
    ...(concurrency.max === 0 ? [['ratelimit', 'concurrency', 'max']] : []),
  ];
  const { allowlist = [], blocklist = [] } = ip ?? {};
  const isEmptied = allowlist.length > 0 && allowlist.every((allowed) => blocklist.some((blocked) => cidrHolds(blocked, allowed)));
  const holdsAll = blocklist.some((blocked) => blocked.endsWith('/0'));
  return [
    ...zeros.map((path) => ({ path: ['policies', ...path], message: 'a limit of 0 refuses every call' })),
    ...(isEmptied ? [{ path: ['policies', 'ip', 'allowlist'], message: 'everything on the allowlist is on the blocklist too, so every call is refused' }] : []),
    ...(holdsAll ? [{ path: ['policies', 'ip', 'blocklist'], message: 'a block of length 0 holds every address of its kind' }] : []),
  ];
}

/** A burst is a limit only beside a rate. */
function namesOfZeros(limits: Readonly<Record<string, number | undefined>>): string[] {
  const names = Object.keys(limits).filter((name) => limits[name] === 0);
  return Object.keys(limits).length === 1 ? names.filter((name) => name !== 'burst') : names;
}
