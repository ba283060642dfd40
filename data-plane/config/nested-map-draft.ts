/** The next version of maps within a map, while it is being made: an inner map is copied when it is written to itself. */
import { BucketMapDraft, type BucketMap } from './bucket-map.ts';

/** Nobody but the draft that makes an inner map writes to it. */
export type NestedMap<Value> = BucketMap<Map<string, Value>>;

export class NestedMapDraft<Value> {
  readonly #original: NestedMap<Value>;
  readonly #outer: BucketMapDraft<Map<string, Value>>;

  constructor(original: NestedMap<Value>) {
    this.#original = original;
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
    if (map.size === 0) this.#outer.delete(outer);
  }

  finish(): NestedMap<Value> {
    return this.#outer.finish();
  }

  /** What stands in the original is everybody's, and anything else this draft's own. */
  #own(outer: string): Map<string, Value> {
    const map = this.#outer.get(outer);
    if (map !== undefined && map !== this.#original.get(outer)) return map;
    const own = new Map(map);
    this.#outer.set(outer, own);
    return own;
  }
}
