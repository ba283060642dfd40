/** What is packed comes back, in parts that are small enough. */
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { PART_ENTITIES_MAX, PartPacker, unpackPart } from '../../shared/config-parts.ts';
import { mcpServer, organisation, snapshotOf } from '../support/domain.ts';

test('entities come back as they were, in their order', async () => {
  const upserts = snapshotOf({ organisations: Array.from({ length: 30 }, organisation) });
  const packer = new PartPacker();
  for (const upsert of upserts) packer.add(upsert);
  expect(unpackPart(packer.take())).toEqual(upserts);
  expect(packer.isEmpty).toBe(true);
});

test('an entity that is larger than a part comes back, in whatever script it is written', () => {
  const upserts = snapshotOf({
    mcpServers: ['€😀é'.repeat(300_000), 'x', '\u0000'.repeat(300_000)].map((tool) => mcpServer('org_1', { blockedTools: [tool] })),
  });
  const packer = new PartPacker();
  for (const upsert of upserts) packer.add(upsert);
  expect(unpackPart(packer.take())).toEqual(upserts);
  expect(unpackPart(packer.take())).toEqual([]);
});

test('a part of nothing is an empty list', async () => {
  expect(unpackPart(new PartPacker().take())).toEqual([]);
});

test('a part is full after a thousand entities, or sooner when they are large', () => {
  const packer = new PartPacker();
  const [small] = snapshotOf({ organisations: [organisation()] });
  const [large] = snapshotOf({ mcpServers: [mcpServer('org_1', { blockedTools: ['x'.repeat(150_000)] })] });
  if (small === undefined || large === undefined) throw new Error('there are two');
  for (let index = 0; index < PART_ENTITIES_MAX; index++) {
    expect(packer.isFull).toBe(false);
    packer.add(small);
  }
  expect(packer.isFull).toBe(true);
  const heavy = new PartPacker();
  heavy.add(large);
  expect(heavy.isFull).toBe(false);
  heavy.add(large);
  expect(heavy.isFull).toBe(true);
});

test('a part that is no list, no JSON or no gzip is refused, and one that would not end too', () => {
  for (const packed of [gzipSync('{}'), gzipSync('[1'), Buffer.from('[]'), gzipSync(Buffer.alloc(65 * 1024 * 1024, 32))]) {
    expect(() => unpackPart(packed)).toThrow();
  }
});
