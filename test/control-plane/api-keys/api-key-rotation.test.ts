/** A rotated key works on with its old secret for its grace, and an expired one comes back by rotation alone. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';
import { toldKey } from '../../support/key-standing.ts';

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

const toldOf = (id: string) => toldKey(plane, id);

describe('rotation', () => {
  const rotate = async (id: string, graceSeconds?: number) => {
    const payload = await plane.admin.mutate(
      'rotateApiKey',
      'RotateApiKeyInput',
      { id, ...(graceSeconds === undefined ? {} : { graceSeconds }) },
      'apiKey { prefix status graceUntil } secret',
    );
    return z.object({ secret: z.string(), apiKey: z.object({ prefix: z.string(), status: z.string(), graceUntil: z.string() }) }).parse(payload);
  };

  test('both secrets open the key until the grace ends', async () => {
    const key = await plane.admin.createApiKey();
    const { secret, apiKey } = await rotate(key.id, 600);
    expect(apiKey.status).toBe('ROTATING');
    const told = await toldOf(key.id);
    expect(told.prefix).toBe(apiKey.prefix);
    expect(told.hashes).toEqual([
      { hash: plane.hasher.hash(secret), validUntilMillis: null },
      { hash: plane.hasher.hash(key.secret), validUntilMillis: Date.parse(apiKey.graceUntil) },
    ]);
  });

  test('the grace is a day when nothing else is said, and none ends the old secret at once', async () => {
    const key = await plane.admin.createApiKey();
    const { apiKey } = await rotate(key.id);
    expect(Date.parse(apiKey.graceUntil) - Date.now()).toBeGreaterThan(86_000_000);
    expect((await rotate(key.id, 0)).apiKey.status).toBe('ACTIVE');
  });

  test('a second rotation ends the first one’s grace', async () => {
    const key = await plane.admin.createApiKey();
    const first = await rotate(key.id);
    const second = await rotate(key.id);
    expect((await toldOf(key.id)).hashes.map(({ hash }) => hash)).toEqual([plane.hasher.hash(second.secret), plane.hasher.hash(first.secret)]);
  });

  test('of many rotations at once, each secret that was handed out last still works', async () => {
    const key = await plane.admin.createApiKey();
    const secrets = (await Promise.all(Array.from({ length: 6 }, () => rotate(key.id)))).map(({ secret }) => plane.hasher.hash(secret));
    const { hashes } = await toldOf(key.id);
    expect(hashes).toHaveLength(2);
    expect(hashes.every(({ hash }) => secrets.includes(hash))).toBe(true);
    expect(await plane.database.query('select version from api_keys where id = $1', [key.id])).toEqual([{ version: 7 }]);
  });

  test.each([-1, 31 * 86_400])('a grace of %d seconds is refused', async (graceSeconds) => {
    const { id } = await plane.admin.createApiKey();
    expect(await userErrorsOf(plane, 'rotateApiKey', 'RotateApiKeyInput', { id, graceSeconds })).toMatchObject([
      { field: ['graceSeconds'], code: 'OUT_OF_RANGE' },
    ]);
  });
});

describe('an expired key', () => {
  const expired = async () => {
    const key = await plane.admin.createApiKey({ expiresAt: '2999-01-01T00:00:00.000Z' });
    await plane.database.query(`update api_keys set expires_at = now() - interval '1 second' where id = $1`, [key.id]);
    return key;
  };

  test('is extended by rotation only, and its old secret stays dead', async () => {
    const { id, prefix } = await expired();
    for (const expiresAt of ['2999-01-01T00:00:00.000Z', null])
      expect(await userErrorsOf(plane, 'updateApiKey', 'UpdateApiKeyInput', { id, expiresAt })).toMatchObject([{ field: ['expiresAt'], code: 'CONFLICT' }]);
    expect(await userErrorsOf(plane, 'rotateApiKey', 'RotateApiKeyInput', { id })).toMatchObject([{ field: ['expiresAt'], code: 'REQUIRED' }]);
    const input = { id, expiresAt: '2999-01-01T00:00:00.000Z' };
    const { apiKey, secret } = await plane.admin.mutate('rotateApiKey', 'RotateApiKeyInput', input, 'apiKey { status rotatedFrom graceUntil } secret');
    expect(apiKey).toEqual({ status: 'ACTIVE', rotatedFrom: prefix, graceUntil: null });
    expect((await toldOf(id)).hashes).toEqual([{ hash: plane.hasher.hash(z.string().parse(secret)), validUntilMillis: null }]);
  });

  test('is not brought back by an expiry that lies in the past', async () => {
    const { id } = await expired();
    expect(await userErrorsOf(plane, 'rotateApiKey', 'RotateApiKeyInput', { id, expiresAt: '2020-01-01T00:00:00Z' })).toMatchObject([
      { field: ['expiresAt'], code: 'OUT_OF_RANGE' },
    ]);
  });

  test('had an old secret that never outlives the expiry it was given with', async () => {
    const expiresAt = new Date(Date.now() + 60_000).toISOString();
    const { id } = await plane.admin.createApiKey({ expiresAt });
    await plane.admin.mutate('rotateApiKey', 'RotateApiKeyInput', { id, expiresAt: null, graceSeconds: 86_400 }, 'apiKey { id }');
    expect((await toldOf(id)).hashes.map(({ validUntilMillis }) => validUntilMillis)).toEqual([null, Date.parse(expiresAt)]);
  });
});
