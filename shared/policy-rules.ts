/** The single rules of policies, and those of every scope together: what a data plane obeys and what the control plane shows as effective. */
import type { PolicyConfig } from './config-document.ts';
import { ratesIn, type PolicyEnvelope, type PolicyScope } from './policy.ts';

/** Where a rule stands. */
export interface RuleSource {
  readonly policyId: string;
  readonly scope: PolicyScope;
  /** Counts and records what it would have done, and refuses nothing. */
  readonly observe: boolean;
  /** Such as `policies.ratelimit.requests.per_minute`, or `trial.…` for what is only tried out. */
  readonly path: string;
}

export interface AddressRule extends RuleSource {
  readonly kind: 'allowlist' | 'blocklist';
  readonly cidrs: readonly string[];
}

export interface RateRule extends RuleSource {
  /** Under which it is counted, unique within the organisation. */
  readonly key: string;
  readonly limit: number;
  readonly windowMillis: number;
  readonly burst: number | undefined;
}

export interface LeaseRule extends RuleSource {
  readonly key: string;
  readonly max: number;
  readonly ttlMillis: number;
}

export interface BytesRule extends RuleSource {
  readonly bytesMax: number;
}

export const LOOP_KINDS = ['repeated_calls', 'error_streak', 'fan_out'] as const;
export type LoopKind = (typeof LOOP_KINDS)[number];

export interface LoopRule extends RuleSource {
  readonly kind: LoopKind;
  readonly key: string;
  readonly max: number;
  /** How long is looked back, or until a streak is forgiven. */
  readonly windowMillis: number;
}

/** In the order in which they are judged: from the widest scope to the narrowest. All apply. */
export interface PolicyRules {
  /** Of one policy the blocked ones come first, since blocked wins over allowed. */
  readonly addresses: readonly AddressRule[];
  /** Of one policy the longest window comes first. */
  readonly rates: readonly RateRule[];
  readonly leases: readonly LeaseRule[];
  readonly requestBytes: readonly BytesRule[];
  readonly responseBytes: readonly BytesRule[];
  readonly loops: readonly LoopRule[];
}

const LEASE_TTL_SECONDS = 30;

/** The rules of one policy, and those that are tried out beside it. */
export function rulesOf(policy: PolicyConfig): PolicyRules {
  const { envelope, mode, trial } = policy;
  const own = envelopeRules(envelope, { policy, observe: mode === 'OBSERVE', root: 'policies' });
  return trial === null ? own : mergeRules([own, envelopeRules(trial, { policy, observe: true, root: 'trial' })]);
}

/** The rules of several policies, which are given in the order of their scopes. */
export function mergeRules(all: readonly PolicyRules[]): PolicyRules {
  return {
    addresses: all.flatMap(({ addresses }) => addresses),
    rates: all.flatMap(({ rates }) => rates),
    leases: all.flatMap(({ leases }) => leases),
    requestBytes: all.flatMap(({ requestBytes }) => requestBytes),
    responseBytes: all.flatMap(({ responseBytes }) => responseBytes),
    loops: all.flatMap(({ loops }) => loops),
  };
}

/** The one that is reached first; undefined without any. */
export function strictestOf(rules: readonly BytesRule[], observe: boolean): BytesRule | undefined {
  let strictest: BytesRule | undefined;
  for (const rule of rules) if (rule.observe === observe && rule.bytesMax < (strictest?.bytesMax ?? Infinity)) strictest = rule;
  return strictest;
}

interface EnvelopePlace {
  readonly policy: Pick<PolicyConfig, 'id' | 'scope'>;
  readonly observe: boolean;
  readonly root: 'policies' | 'trial';
}

function envelopeRules(envelope: PolicyEnvelope, { policy, observe, root }: EnvelopePlace): PolicyRules {
  const { ip, ratelimit, loops } = envelope.policies;
  const at = (path: string): RuleSource => ({ policyId: policy.id, scope: policy.scope, observe, path: `${root}.${path}` });
  // What is tried out is counted by itself.
  const id = root === 'trial' ? `${policy.id}:trial` : policy.id;
  const max = ratelimit?.concurrency?.max;
  const ttlMillis = (ratelimit?.concurrency?.lease_ttl_seconds ?? LEASE_TTL_SECONDS) * 1000;
  const bytes = (path: string, bytesMax: number | undefined): BytesRule[] => (bytesMax === undefined ? [] : [{ ...at(path), bytesMax }]);
  return {
    addresses: (['blocklist', 'allowlist'] as const).flatMap((kind): AddressRule[] => {
      const cidrs = ip?.[kind] ?? [];
      return cidrs.length === 0 ? [] : [{ ...at(`ip.${kind}`), kind, cidrs }];
    }),
    rates: ratesIn(envelope).map(({ path, ...rate }) => ({ ...at(path.slice('policies.'.length)), ...rate, key: `rate:${id}:${rate.windowMillis}` })),
    leases: max === undefined ? [] : [{ ...at('ratelimit.concurrency.max'), key: `lease:${id}`, max, ttlMillis }],
    requestBytes: bytes('ratelimit.payload.max_request_bytes', ratelimit?.payload?.max_request_bytes),
    responseBytes: bytes('ratelimit.payload.max_response_bytes', ratelimit?.payload?.max_response_bytes),
    loops: loopsOf(loops ?? {}, id, at),
  };
}

function loopsOf(loops: NonNullable<PolicyEnvelope['policies']['loops']>, id: string, at: (path: string) => RuleSource): LoopRule[] {
  const { repeated_calls: repeated, error_streak: streak, fan_out: fanOut } = loops;
  const rule = (kind: LoopKind, max: number, seconds: number): LoopRule => ({
    ...at(`loops.${kind}`),
    kind,
    key: `loop:${id}:${kind}`,
    max,
    windowMillis: seconds * 1000,
  });
  return [
    ...(repeated === undefined ? [] : [rule('repeated_calls', repeated.max, repeated.within_seconds)]),
    ...(streak === undefined ? [] : [rule('error_streak', streak.max, streak.reset_seconds)]),
    ...(fanOut === undefined ? [] : [rule('fan_out', fanOut.max_tools, fanOut.within_seconds)]),
  ];
}
