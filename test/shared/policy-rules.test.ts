/** The rules of policies, and what those of all scopes come to: whatever they are, a call that passes them together passes each. */
import { BlockList, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cidrHolds, intersectCidrs } from '../../shared/cidr.ts';
import { effectivePolicyOf } from '../../shared/effective-policy.ts';
import { addToBlockList, POLICY_SCOPES, policyEnvelopeSchema, policyOwnersOf, type PolicyEnvelope } from '../../shared/policy.ts';
import { denyAllFaults } from '../../shared/policy-faults.ts';
import { mergeRules, rulesOf } from '../../shared/policy-rules.ts';
import { policy } from '../support/domain.ts';

const ip = fc.oneof(
  fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 })).map(([one, other]) => `10.${one}.${other}.1`),
  fc.integer({ min: 0, max: 3 }).map((part) => `2001:db8:${part}::1`),
);
const cidr = ip.chain((address) => fc.constantFrom(...(isIPv6(address) ? [32, 46, 48, 128] : [8, 14, 16, 24, 32])).map((bits) => `${address}/${bits}`));
const cidrs = fc.option(fc.array(cidr, { maxLength: 4 }), { nil: undefined });
const count = fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined });
const envelopes: fc.Arbitrary<PolicyEnvelope> = fc
  .record({
    ip: fc.record({ allowlist: cidrs, blocklist: cidrs }),
    ratelimit: fc.record({
      requests: fc.record({ per_second: count, per_minute: count, per_hour: count, per_day: count, burst: count }),
      payload: fc.record({ max_request_bytes: count, max_response_bytes: count }),
      concurrency: fc.record({ max: count }),
    }),
  })
  .map((policies) => policyEnvelopeSchema.parse(JSON.parse(JSON.stringify({ policies }))));
const modes = fc.constantFrom('ENFORCE', 'OBSERVE');

const layers = fc.array(fc.record({ scope: fc.constantFrom(...POLICY_SCOPES), envelope: envelopes, mode: modes }), { maxLength: 6 });

function holds(list: readonly string[], address: string): boolean {
  const known = new BlockList();
  for (const one of list) addToBlockList(known, one);
  return known.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

const smallest = (numbers: readonly (number | undefined)[]) => {
  const given = numbers.filter((number) => number !== undefined);
  return given.length === 0 ? null : Math.min(...given);
};

describe('the effective policy', () => {
  test('lets an address pass exactly when every policy that is enforced does', () => {
    fc.assert(
      fc.property(layers, ip, (given, address) => {
        const policies = given.map((layer) => policy('org_1', { ownerId: 'x', ...layer }));
        const { allowlist, blocklist } = effectivePolicyOf(mergeRules(policies.map(rulesOf)));
        const passesEach = policies.every(
          ({
            mode,
            envelope: {
              policies: { ip: lists = {} },
            },
          }) => {
            if (mode === 'OBSERVE') return true;
            const { allowlist: allowed = [], blocklist: blocked = [] } = lists;
            return !holds(blocked, address) && (allowed.length === 0 || holds(allowed, address));
          },
        );
        expect(!holds(blocklist, address) && (allowlist === null || holds(allowlist, address))).toBe(passesEach);
      }),
    );
  });

  test('has the smallest limit of each kind that is enforced, and none that only observes', () => {
    fc.assert(
      fc.property(layers, (given) => {
        const policies = given.map((layer) => policy('org_1', { ownerId: 'x', ...layer }));
        const limits = given.filter(({ mode }) => mode === 'ENFORCE').map(({ envelope }) => envelope.policies.ratelimit ?? {});
        expect(effectivePolicyOf(mergeRules(policies.map(rulesOf)))).toMatchObject({
          perSecond: smallest(limits.map(({ requests }) => requests?.per_second)),
          perMinute: smallest(limits.map(({ requests }) => requests?.per_minute)),
          perHour: smallest(limits.map(({ requests }) => requests?.per_hour)),
          perDay: smallest(limits.map(({ requests }) => requests?.per_day)),
          maxRequestBytes: smallest(limits.map(({ payload }) => payload?.max_request_bytes)),
          maxResponseBytes: smallest(limits.map(({ payload }) => payload?.max_response_bytes)),
          maxConcurrency: smallest(limits.map(({ concurrency }) => concurrency?.max)),
        });
      }),
    );
  });

  test('of any policies counts each rule by itself', () => {
    fc.assert(
      fc.property(layers, (given) => {
        const policies = given.map((layer) => policy('org_1', { ownerId: 'x', ...layer }));
        const merged = mergeRules(policies.map(rulesOf));
        const keys = [...merged.rates, ...merged.leases].map(({ key }) => key);
        expect(new Set(keys).size).toBe(keys.length);
      }),
    );
  });
});

test('what is tried out beside a policy only observes, and is counted by itself', () => {
  const envelope = { policies: { ratelimit: { requests: { per_minute: 5 }, concurrency: { max: 2 } } } };
  const { rates, leases } = rulesOf(policy('org_1', { scope: 'TEAM', ownerId: 'tea_1', envelope, trial: envelope }));
  expect(rates.map(({ observe, path }) => [observe, path])).toEqual([
    [false, 'policies.ratelimit.requests.per_minute'],
    [true, 'trial.ratelimit.requests.per_minute'],
  ]);
  expect(new Set([...rates, ...leases].map(({ key }) => key)).size).toBe(4);
});

test('owners are in the order of the scopes', () => {
  const key = { id: 'key_1', organisationId: 'org_1', teamId: 'tea_1', userId: 'usr_1' };
  expect(policyOwnersOf(key, 'srv_1')).toEqual(['GLOBAL', 'org_1', 'tea_1', 'usr_1', 'key_1', 'srv_1']);
  expect(policyOwnersOf({ ...key, teamId: null, userId: null }, 'srv_1')).toEqual(['GLOBAL', 'org_1', 'key_1', 'srv_1']);
});

test.each([
  ['10.0.0.0/8', '10.1.2.0/24', true],
  ['10.1.2.0/24', '10.0.0.0/8', false],
  ['10.0.0.0/8', '11.0.0.1', false],
  ['0.0.0.0/0', '::1', false],
  ['::/0', '2001:db8::/32', true],
  ['10.0.0.1', '10.0.0.1/32', true],
])('whether %s holds %s: %s', (outer, inner, expected) => {
  expect(cidrHolds(outer, inner)).toBe(expected);
});

test('lists that have nothing in common leave no address', () => {
  expect(intersectCidrs([['10.0.0.0/8'], ['192.168.0.0/16', '::/0']])).toEqual([]);
});

test.each([
  [{ ip: { allowlist: ['10.1.0.0/16', '10.2.0.0/16'], blocklist: ['10.0.0.0/8'] } }, ['policies.ip.allowlist']],
  [{ ip: { allowlist: ['10.1.0.0/16', '11.0.0.0/8'], blocklist: ['10.0.0.0/8'] } }, []],
  [{ ip: { blocklist: ['0.0.0.0/0'] } }, ['policies.ip.blocklist']],
  [
    { ratelimit: { requests: { per_minute: 0 }, payload: { max_request_bytes: 0 }, concurrency: { max: 0 } } },
    ['policies.ratelimit.requests.per_minute', 'policies.ratelimit.payload.max_request_bytes', 'policies.ratelimit.concurrency.max'],
  ],
  [{ ratelimit: { requests: { per_minute: 1, burst: 0 } } }, ['policies.ratelimit.requests.burst']],
  [{ ratelimit: { requests: { burst: 0 } } }, []],
])('of %j the rules are found that no call can satisfy', (policies, paths) => {
  expect(denyAllFaults(policyEnvelopeSchema.parse({ policies })).map(({ path }) => path.join('.'))).toEqual(paths);
});

test.each([
  { loops: { repeated_calls: { max: 0, within_seconds: 1 } } },
  { loops: { repeated_calls: { max: 1 } } },
  { loops: { fan_out: { max_tools: 1001, within_seconds: 1 } } },
  { loops: { spiral: { max: 1, within_seconds: 1 } } },
  { ratelimit: { requests: { per_minute: -1 } } },
])('an envelope with %j is refused', (policies) => {
  expect(policyEnvelopeSchema.safeParse({ policies }).success).toBe(false);
});
