/** A policy that might be, as a simulation asks it: addresses, sizes, rates by the windows that data planes count in, and calls under way. */
import { BlockList, isIP } from 'node:net';
import { orderOfStep } from '../../shared/access-steps.ts';
import { addToBlockList, ratesIn, type PolicyEnvelope, type RequestRate } from '../../shared/policy.ts';
import { nextPace, SlidingWindow, type Pace } from '../../shared/rate-window.ts';
import { PROBES } from '../../shared/uncounted-methods.ts';
import type { SqlCondition } from '../database/sql-condition.ts';
import type { Draft, DraftCheck, Judgement } from './draft.ts';
import type { RecordedCall } from './recorded-calls.ts';

export interface PolicyDraftParts {
  readonly envelope: PolicyEnvelope;
  readonly scope: SqlCondition;
  /** The policy that it would replace; undefined where there is none yet. */
  readonly replacedId: string | undefined;
}

const [ENFORCED, HELD, FORWARDED] = [orderOfStep('enforcePolicy'), orderOfStep('reserveSpend'), orderOfStep('proxyUpstream')];

export function policyDraft({ envelope, scope, replacedId }: PolicyDraftParts): Draft {
  const { ip, ratelimit, loops } = envelope.policies;
  const rates = ratesIn(envelope);
  const longestMillis = Math.max(0, ...rates.map(({ windowMillis }) => windowMillis));
  return {
    scope,
    checks: [
      ...addressChecks(ip?.blocklist, ip?.allowlist),
      ...requestBytesChecks(ratelimit?.payload?.max_request_bytes),
      ...rates.map(rateCheck),
      ...concurrencyChecks(ratelimit?.concurrency?.max),
      ...responseBytesChecks(ratelimit?.payload?.max_response_bytes),
    ],
    replaces: ({ rule }) => replacedId !== undefined && rule?.kind === 'policy' && rule.id === replacedId,
    countsFrom: (gteMillis) => gteMillis - longestMillis,
    notes: [
      ...(ratelimit?.concurrency?.max === undefined ? [] : ['calls under way are told from when calls came and how long they took']),
      ...(loops === undefined ? [] : ['rules against loops are not tried: records do not hold the arguments of calls; set them to OBSERVE instead']),
    ],
  };
}

function addressChecks(blocked: readonly string[] = [], allowed: readonly string[] = []): DraftCheck[] {
  const [blocklist, allowlist] = [listOf(blocked), listOf(allowed)];
  if (blocked.length + allowed.length === 0) return [];
  const judge = ({ client_ip: address }: RecordedCall): Judgement => {
    if (address === null) return 'unknown';
    const isReadable = isIP(address) !== 0;
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (blocked.length > 0 && (!isReadable || blocklist.check(address, family)))
      return { code: 'mcp_not_allowed', reason: 'ip_blocked', path: 'policies.ip.blocklist' };
    if (allowed.length > 0 && (!isReadable || !allowlist.check(address, family)))
      return { code: 'mcp_not_allowed', reason: 'ip_not_allowed', path: 'policies.ip.allowlist' };
    return 'passes';
  };
  return [{ step: ENFORCED, judge }];
}

function listOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) addToBlockList(list, cidr);
  return list;
}

function requestBytesChecks(bytesMax: number | undefined): DraftCheck[] {
  if (bytesMax === undefined) return [];
  const path = 'policies.ratelimit.payload.max_request_bytes';
  const judge = (call: RecordedCall): Judgement => {
    // A message that was refused for its length was not read.
    if (call.code === 'payload_too_large') return 'unknown';
    return call.input_bytes > bytesMax ? { code: 'payload_too_large', reason: 'request_too_large', path } : 'passes';
  };
  return [{ step: ENFORCED, judge }];
}

function rateCheck(rate: RequestRate): DraftCheck {
  const { path, limit, windowMillis, burst } = rate;
  const objection = { code: 'rate_limit_exceeded', reason: 'request_rate', path } as const;
  const isExempt = ({ rpc_method: method }: RecordedCall) => PROBES.has(method ?? '');
  if (burst === undefined) {
    const window = new SlidingWindow(windowMillis);
    return {
      step: HELD,
      isChargedAlways: true,
      judge: (call) => (isExempt(call) || window.used(call.occurred_at.getTime()) < limit ? 'passes' : objection),
      take: (call) => void (isExempt(call) || window.take(call.occurred_at.getTime())),
    };
  }
  let pace: Pace | undefined;
  const next = (call: RecordedCall) => nextPace(pace, call.occurred_at.getTime(), { limit, windowMillis, burst });
  return {
    step: HELD,
    isChargedAlways: true,
    judge: (call) => (isExempt(call) || 'calls' in next(call) ? 'passes' : objection),
    take: (call) => {
      const taken = next(call);
      if (!isExempt(call) && 'calls' in taken) pace = taken;
    },
  };
}

/** A stream that was opened to listen holds no lease. */
function concurrencyChecks(max: number | undefined): DraftCheck[] {
  if (max === undefined) return [];
  const path = 'policies.ratelimit.concurrency.max';
  let ends: number[] = [];
  const judge = ({ http_method: method, occurred_at: at }: RecordedCall): Judgement => {
    ends = ends.filter((end) => end > at.getTime());
    return method !== 'POST' || ends.length < max ? 'passes' : { code: 'concurrency_exceeded', reason: 'concurrency', path };
  };
  const take = (call: RecordedCall) => {
    if (call.http_method === 'POST' && call.decision !== 'DENIED') ends.push(call.occurred_at.getTime() + call.latency_micros / 1000);
  };
  return [{ step: HELD, judge, take }];
}

function responseBytesChecks(bytesMax: number | undefined): DraftCheck[] {
  if (bytesMax === undefined) return [];
  const path = 'policies.ratelimit.payload.max_response_bytes';
  const judge = (call: RecordedCall): Judgement => (call.output_bytes > bytesMax ? { code: 'upstream_error', reason: 'response_too_large', path } : 'passes');
  return [{ step: FORWARDED, judge }];
}
