/** What is asked of the counters against loops: which calls are the same, and whose they are. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readRpcCall } from '../../../data-plane/mcp/read-rpc-call.ts';
import { LoopPlanner } from '../../../data-plane/policies/planned-loops.ts';
import { LOOP_KINDS, type LoopKind, type LoopRule } from '../../../shared/policy-rules.ts';

const rule = (kind: LoopKind): LoopRule => ({
  policyId: 'pol_1',
  scope: 'TEAM',
  observe: false,
  path: `policies.loops.${kind}`,
  kind,
  key: `loop:pol_1:${kind}`,
  max: 3,
  windowMillis: 60_000,
});

const planner = (key = 'key_1', server = 'srv_1') => new LoopPlanner(LOOP_KINDS.map(rule), key, server);

const message = (tool: string, args: unknown, id = 1) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: tool, arguments: args } });

function checksOf(body: unknown, from = planner()) {
  const call = readRpcCall(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
  return from.checksFor({ call, message: call.messages[0], era: 'legacy', session: undefined }) ?? [];
}

const keyOf = (kind: LoopKind, body: unknown, from = planner()) => checksOf(body, from).find((check) => check.kind === kind)?.key;

test('calls are the same when tool and arguments are, in whatever order and spelling', () => {
  const same = keyOf('repeated_calls', message('read', { path: 'a', depth: 1 }));
  expect(keyOf('repeated_calls', message('read', { depth: 1, path: 'a' }, 2))).toBe(same);
  expect(keyOf('repeated_calls', '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"read","arguments":{"depth":1.0,"path":"\\u0061"}}}')).toBe(
    same,
  );
  expect(keyOf('repeated_calls', message('read', { path: 'a', depth: 2 }))).not.toBe(same);
  expect(keyOf('repeated_calls', message('write', { path: 'a', depth: 1 }))).not.toBe(same);
  expect(keyOf('repeated_calls', message('read', { path: 'a', depth: 1 }), planner('key_2'))).not.toBe(same);
  expect(keyOf('repeated_calls', message('read', { path: 'a', depth: 1 }), planner('key_1', 'srv_2'))).not.toBe(same);
});

test('any two arguments make one count exactly when they are equal', () => {
  const args = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.oneof(fc.integer({ min: 0, max: 2 }), fc.boolean(), fc.constantFrom('x', 'y')), { maxKeys: 3 });
  fc.assert(
    fc.property(args, args, (one, other) => {
      const sorted = (object: Record<string, unknown>) => JSON.stringify(Object.entries(object).toSorted(([a], [b]) => (a < b ? -1 : 1)));
      expect(keyOf('repeated_calls', message('t', one)) === keyOf('repeated_calls', message('t', other))).toBe(sorted(one) === sorted(other));
    }),
  );
});

test('a streak is of one tool of one server, a fan-out of the key wherever it calls', () => {
  expect(keyOf('error_streak', message('a', {}))).toBe(keyOf('error_streak', message('a', { other: 1 })));
  expect(keyOf('error_streak', message('a', {}))).not.toBe(keyOf('error_streak', message('b', {})));
  expect(keyOf('fan_out', message('a', {}))).toBe(keyOf('fan_out', message('b', {}), planner('key_1', 'srv_2')));
  expect(keyOf('fan_out', message('a', {}))).not.toBe(keyOf('fan_out', message('a', {}), planner('key_2')));
});

test('a batch counts as what it holds', () => {
  const checks = checksOf([message('a', {}), message('a', {}, 2), message('b', {}, 3)]);
  expect(checks.map(({ kind, tool, calls, items }) => [kind, tool, calls, items.length])).toEqual([
    ['repeated_calls', 'a', 2, 0],
    ['repeated_calls', 'b', 1, 0],
    ['error_streak', 'a', 1, 0],
    ['error_streak', 'b', 1, 0],
    ['fan_out', undefined, 1, 2],
  ]);
  expect(new Set(checks.flatMap(({ items }) => items).map(({ length }) => length))).toEqual(new Set([12]));
});

test('arguments without a canonical form are counted as they are spelled, and what calls no tool is not counted', () => {
  const odd = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"half":"\\ud800"}}}';
  expect(keyOf('repeated_calls', odd)).toBe(keyOf('repeated_calls', odd));
  expect(checksOf({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} })).toEqual([]);
});
