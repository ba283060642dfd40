/** A server's rules are ready before the first request asks for them. */
import { describe, expect, test } from 'vitest';
import { compileServer } from '../../../data-plane/config/compile-server.ts';
import { NO_PRICE } from '../../../shared/pricing.ts';
import { SecretKey } from '../../../shared/secret-key.ts';
import { SecretSealer } from '../../../shared/sealed-secret.ts';
import { testSealer } from '../../support/config-frames.ts';
import { mcpServer } from '../../support/domain.ts';

const plain = mcpServer('org_1');
const sealed = (secret: string, field: string, sealer = testSealer) => sealer.seal(secret, { organisationId: plain.organisationId, ownerId: plain.id, field });
const prices = (call: string) => ({ callFemtosUsd: call, inputByteFemtosUsd: '0', outputByteFemtosUsd: '0' });

describe('the price of a call', () => {
  const { priceOf } = compileServer(
    { ...plain, pricing: { ...prices('5'), pricedMethods: ['tools/call'], toolOverrides: { search: prices('7'), free: prices('0') } } },
    testSealer,
  );

  test('is the tool’s own where it has one, even when that is nothing', () => {
    expect(priceOf('tools/call', 'search')).toMatchObject({ callFemtosUsd: 7n, isOverride: true });
    expect(priceOf('tools/call', 'free')).toMatchObject({ callFemtosUsd: 0n, isOverride: true });
    expect(priceOf('tools/call', 'echo')).toMatchObject({ callFemtosUsd: 5n, isOverride: false });
  });

  test('is nothing for methods that are not priced', () => {
    expect(priceOf('tools/list', undefined)).toBe(NO_PRICE);
    expect(priceOf(undefined, undefined)).toBe(NO_PRICE);
  });

  test('applies to everything under a star', () => {
    const every = compileServer({ ...plain, pricing: { ...prices('5'), pricedMethods: ['*'], toolOverrides: {} } }, testSealer);
    expect(every.priceOf('tools/list', undefined).callFemtosUsd).toBe(5n);
    expect(every.priceOf(undefined, undefined).callFemtosUsd).toBe(5n);
  });

  test('is not found in what every object has', () => {
    expect(priceOf('tools/call', 'constructor')).toMatchObject({ callFemtosUsd: 5n, isOverride: false });
  });
});

describe('secrets are opened once, into', () => {
  test.each([
    ['no header', { type: 'NONE' as const }, []],
    ['a bearer header', { type: 'BEARER' as const, token: sealed('t0ken', 'auth.token') }, ['authorization', 'Bearer t0ken']],
    [
      'a basic header',
      { type: 'BASIC' as const, username: 'ann', password: sealed('pa:ss', 'auth.password') },
      ['authorization', `Basic ${Buffer.from('ann:pa:ss').toString('base64')}`],
    ],
    ['a header of their own', { type: 'API_KEY' as const, header: 'X-Api-Key', value: sealed('k3y', 'auth.value') }, ['x-api-key', 'k3y']],
  ])('%s', (_what, auth, headers) => {
    expect(compileServer({ ...plain, auth }, testSealer).upstreamAuthHeaders).toEqual(headers);
  });

  test('the environment of a STDIO server', () => {
    const { stdioEnv } = compileServer({ ...plain, stdioEnv: { TOKEN: sealed('t0ken', 'stdioEnv.TOKEN') } }, testSealer);
    expect(stdioEnv).toEqual({ TOKEN: 't0ken' });
  });
});

describe('a secret does not open', () => {
  const other = new SecretSealer(new SecretKey(Buffer.from('another secret key, also long enough').toString('base64')));

  test('with another key, and the reason says so', () => {
    const auth = { type: 'BEARER' as const, token: sealed('t0ken', 'auth.token', other) };
    expect(() => compileServer({ ...plain, auth }, testSealer)).toThrow(new RegExp(`^mcpServer ${plain.id}: auth cannot be used: .*was sealed by key`));
  });

  test('under the name of another variable', () => {
    const stdioEnv = { OTHER: sealed('t0ken', 'stdioEnv.TOKEN') };
    expect(() => compileServer({ ...plain, stdioEnv }, testSealer)).toThrow('stdioEnv.OTHER cannot be used');
  });
});
