/** The next version of maps within a map, while it is being made: an inner map is copied when it is written to itself. */
import { BucketMapDraft, type BucketMap } from './bucket-map.ts';

export class NestedMapDraft<Value> {
  readonly #outer: BucketMapDraft<ReadonlyMap<string, Value>>;
  readonly #owned = new Map<string, Map<string, Value>>();

  constructor(original: BucketMap<ReadonlyMap<string, Value>>) {
    this.#outer = new BucketMapDraft(original);
  }

  get(outer: string, inner: string): Value | undefined {
    return this.#outer.get(outer)?.get(inner);
  }

  set(outer: string, inner: string, value: Value): void {
    this.#own(outer).set(inner, value);
  }

  delete(outer: string, inner: string): void {
    if (this.get(outer, inner) === undefined) return;
    const map = this.#own(outer);
    map.delete(inner);
    if (map.size > 0) return;
    this.#outer.delete(outer);
    this.#owned.delete(outer);
  }

  finish(): BucketMap<ReadonlyMap<string, Value>> {
    return this.#outer.finish();
  }

  #own(outer: string): Map<string, Value> {
    let map = this.#owned.get(outer);
    if (map === undefined) {
      map = new Map(this.#outer.get(outer));
      this.#owned.set(outer, map);
      this.#outer.set(outer, map);
    }
    return map;
  }
}
