/** A map that is changed by copy is a map, and the one that it was made from stays as it was. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BucketMap, BucketMapDraft } from '../../../data-plane/config/bucket-map.ts';
import { NestedMapDraft } from '../../../data-plane/config/nested-map-draft.ts';

const keys = fc.oneof(fc.constantFrom('', 'a', 'key_1', 'key_2', 'constructor', '__proto__'), fc.string({ maxLength: 12 }));
const writes = fc.array(fc.record({ key: keys, value: fc.option(fc.integer(), { nil: undefined }) }), { maxLength: 60 });

test('it answers what a plain map answers, whatever is set and deleted', () => {
  fc.assert(
    fc.property(writes, writes, (first, second) => {
      const model = new Map<string, number>();
      let map = new BucketMap<number>();
      for (const batch of [first, second]) {
        const before = new Map(model);
        const old = map;
        const draft = new BucketMapDraft(map);
        for (const { key, value } of batch) {
          if (value === undefined) draft.delete(key);
          else expect(draft.set(key, value)).toBe(model.get(key));
          if (value === undefined) model.delete(key);
          else model.set(key, value);
          expect(draft.get(key)).toBe(model.get(key));
        }
        map = draft.finish();
        expect(new Map(map)).toEqual(model);
        expect(map.size).toBe(model.size);
        expect([...map.keys()].every((key) => map.has(key) && map.get(key) === model.get(key))).toBe(true);
        expect(new Map(old)).toEqual(before);
      }
    }),
  );
});

test('a draft that nothing was written to is the original itself', () => {
  const draft = new BucketMapDraft(new BucketMap<number>());
  draft.set('a', 1);
  const map = draft.finish();
  const untouched = new BucketMapDraft(map);
  untouched.delete('b');
  expect(untouched.finish()).toBe(map);
});

test('only the bucket that is written to is copied', () => {
  const draft = new BucketMapDraft(new BucketMap<number>());
  for (let index = 0; index < 5000; index++) draft.set(`key_${index}`, index);
  const before = draft.finish();
  const next = new BucketMapDraft(before);
  next.set('key_7', -7);
  const after = next.finish();
  expect(after.buckets.filter((bucket, at) => bucket !== before.buckets[at])).toHaveLength(1);
});

test('an inner map that becomes empty is gone, and the others are shared', () => {
  const draft = new NestedMapDraft<number>(new BucketMap());
  draft.set('one', 'a', 1);
  draft.set('two', 'b', 2);
  const before = draft.finish();
  const next = new NestedMapDraft(before);
  next.delete('one', 'a');
  next.delete('one', 'unknown');
  const after = next.finish();
  expect([...after.keys()]).toEqual(['two']);
  expect(after.get('two')).toBe(before.get('two'));
  expect(before.get('one')?.get('a')).toBe(1);
});
