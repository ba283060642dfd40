/** Judges the caller's address by the lists of a policy. */
import { isIP } from 'node:net';
import { Refusal } from '../../shared/refusal.ts';
import { listHolds, type CompiledPolicy } from './compiled-policy.ts';

/** Blocked wins over allowed. An address that cannot be read is refused wherever a list exists. */
export function judgeAddress(policy: CompiledPolicy, address: string): void {
  const { allowlist, blocklist } = policy;
  if (allowlist === undefined && blocklist === undefined) return;
  const isReadable = isIP(address) !== 0;
  if (blocklist !== undefined && (!isReadable || listHolds(blocklist, address))) {
    throw refused(policy, 'ip_blocked', 'policies.ip.blocklist', `calls from ${address} are blocked`);
  }
  if (allowlist !== undefined && (!isReadable || !listHolds(allowlist, address))) {
    throw refused(policy, 'ip_not_allowed', 'policies.ip.allowlist', `calls from ${address} are not allowed`);
  }
}

function refused(policy: CompiledPolicy, reason: 'ip_blocked' | 'ip_not_allowed', path: string, detail: string): Refusal {
  return new Refusal('mcp_not_allowed', reason, detail, { scope: policy.scope, rule: { kind: 'policy', id: policy.id, path } });
}
