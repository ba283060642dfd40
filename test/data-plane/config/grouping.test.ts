/** It does not matter in how many deltas a configuration arrives. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyDelta } from '../../../data-plane/config/apply-changes.ts';
import { EMPTY_STATE, type ConfigState } from '../../../data-plane/config/config-state.ts';
import type { ConfigChange } from '../../../shared/config-document.ts';
import { TokenHasher } from '../../../shared/token.ts';
import { contentOf, deltaFrame, stateOf, testSealer, testSecretKey } from '../../support/config-frames.ts';
import { accessGrant, apiKey, limit, mcpServer, organisation } from '../../support/domain.ts';

const acme = organisation();
const { key } = apiKey(acme.id, new TokenHasher(testSecretKey.derive('token-hash')));
const server = mcpServer(acme.id);
const grant = accessGrant(key, server);

async function applied(state: ConfigState, changes: readonly ConfigChange[]): Promise<ConfigState> {
  const { version } = state.snapshot;
  const next = await applyDelta(state, deltaFrame(version, String(Number(version) + 1), changes), testSealer);
  if (next === undefined) throw new Error('the delta follows');
  return next;
}

const slugs = ['one', 'two', 'three'];
const ids = { apiKey: ['key_1', 'key_2', 'key_3'], mcpServer: ['srv_1', 'srv_2', 'srv_3'] };
const anyChange: fc.Arbitrary<ConfigChange> = fc.oneof(
  fc.record({ id: fc.constantFrom(...ids.apiKey), name: fc.string() }).map(({ id, name }): ConfigChange => ({
    op: 'upsert',
    kind: 'apiKey',
    value: { ...key, id, name, hashes: [{ hash: `hash of ${id}`, validUntilMillis: null }] },
  })),
  fc.record({ at: fc.nat(2), blocked: fc.array(fc.constantFrom('a', 'b')) }).map(({ at, blocked }): ConfigChange => ({
    op: 'upsert',
    kind: 'mcpServer',
    value: { ...server, id: `srv_${at + 1}`, slug: slugs[at] ?? '', blockedTools: blocked },
  })),
  fc.record({ key: fc.nat(2), server: fc.nat(2), expires: fc.nat() }).map(({ key: k, server: s, expires }): ConfigChange => ({
    op: 'upsert',
    kind: 'accessGrant',
    value: { ...grant, id: `grt_${k}_${s}`, apiKeyId: `key_${k + 1}`, mcpServerId: `srv_${s + 1}`, expiresAtMillis: expires },
  })),
  fc.record({ at: fc.nat(2), amount: fc.nat() }).map(({ at, amount }): ConfigChange => ({
    op: 'upsert',
    kind: 'limit',
    value: limit(acme.id, { id: `lim_${at}`, ownerType: 'ORGANISATION', ownerId: acme.id, metric: 'REQUESTS', amount: String(amount) }),
  })),
  fc
    .constantFrom('apiKey' as const, 'mcpServer' as const)
    .chain((kind) => fc.constantFrom(...ids[kind]).map((id): ConfigChange => ({ op: 'remove', kind, id }))),
  fc.record({ key: fc.nat(2), server: fc.nat(2) }).map(({ key: k, server: s }): ConfigChange => ({ op: 'remove', kind: 'accessGrant', id: `grt_${k}_${s}` })),
  fc.nat(2).map((at): ConfigChange => ({ op: 'remove', kind: 'limit', id: `lim_${at}` })),
);

test('deltas in any grouping lead to what the snapshot of the outcome leads to', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(anyChange, { maxLength: 8 }), { maxLength: 8 }), async (groups) => {
      let state = EMPTY_STATE;
      for (const group of groups) state = await applied(state, group);
      const together = await applyDelta(EMPTY_STATE, deltaFrame('0', state.snapshot.version, groups.flat()), testSealer);
      const outcome = new Map<string, ConfigChange>();
      for (const change of groups.flat()) {
        const id = `${change.kind} ${change.op === 'upsert' ? change.value.id : change.id}`;
        if (change.op === 'upsert') outcome.set(id, change);
        else outcome.delete(id);
      }
      const whole = await stateOf(state.snapshot.version, [...outcome.values()]);
      expect(contentOf(state)).toEqual(contentOf(whole));
      expect(together === undefined ? undefined : contentOf(together)).toEqual(contentOf(whole));
    }),
    { numRuns: 200 },
  );
});
