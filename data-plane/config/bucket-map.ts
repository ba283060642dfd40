/** A large map that is cheap to change by copy: what is written to is copied bucket by bucket, and everything else is shared. */

type Bucket<Value> = ReadonlyMap<string, Value>;

/** With 100,000 entries a change copies about a hundred of them. A power of two. */
const BUCKETS = 1024;
/** Ids and hashes are random at their ends, so the end alone spreads them evenly. */
const CHARACTERS_JUDGED = 8;

/** Never changes; the order of its entries means nothing. */
export class BucketMap<Value> implements ReadonlyMap<string, Value> {
  /** Holes where no key falls. */
  readonly buckets: readonly (Bucket<Value> | undefined)[];
  readonly size: number;

  constructor(buckets: readonly (Bucket<Value> | undefined)[] = [], size = 0) {
    this.buckets = buckets;
    this.size = size;
  }

  get(key: string): Value | undefined {
    return this.buckets[bucketOf(key)]?.get(key);
  }

  has(key: string): boolean {
    return this.buckets[bucketOf(key)]?.has(key) ?? false;
  }

  *entries(): Generator<[string, Value], undefined> {
    for (const bucket of this.buckets) if (bucket !== undefined) yield* bucket;
  }

  *keys(): Generator<string, undefined> {
    for (const bucket of this.buckets) if (bucket !== undefined) yield* bucket.keys();
  }

  *values(): Generator<Value, undefined> {
    for (const bucket of this.buckets) if (bucket !== undefined) yield* bucket.values();
  }

  [Symbol.iterator](): Generator<[string, Value], undefined> {
    return this.entries();
  }

  forEach(visit: (value: Value, key: string, map: ReadonlyMap<string, Value>) => void): void {
    for (const [key, value] of this) visit(value, key, this);
  }
}

/** The next version of a map, while it is being made. */
export class BucketMapDraft<Value> {
  readonly #original: BucketMap<Value>;
  #buckets: (Bucket<Value> | undefined)[] | undefined;
  /** By their places, those that are this draft's own and may be written to. */
  readonly #owned: (Map<string, Value> | undefined)[] = [];
  #size: number;

  constructor(original: BucketMap<Value>) {
    this.#original = original;
    this.#size = original.size;
  }

  get(key: string): Value | undefined {
    return (this.#buckets ?? this.#original.buckets)[bucketOf(key)]?.get(key);
  }

  set(key: string, value: Value): void {
    const bucket = this.#own(bucketOf(key));
    const sizeBefore = bucket.size;
    bucket.set(key, value);
    this.#size += bucket.size - sizeBefore;
  }

  delete(key: string): void {
    const at = bucketOf(key);
    if ((this.#buckets ?? this.#original.buckets)[at]?.has(key) !== true) return;
    this.#own(at).delete(key);
    this.#size--;
  }

  /** The original itself when nothing was written. The draft must not be written to afterwards. */
  finish(): BucketMap<Value> {
    return this.#buckets === undefined ? this.#original : new BucketMap(this.#buckets, this.#size);
  }

  #own(at: number): Map<string, Value> {
    let bucket = this.#owned[at];
    if (bucket === undefined) {
      this.#buckets ??= Array.from({ length: BUCKETS }, (_, index) => this.#original.buckets[index]);
      bucket = new Map(this.#buckets[at]);
      this.#owned[at] = bucket;
      this.#buckets[at] = bucket;
    }
    return bucket;
  }
}

function bucketOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = Math.max(0, key.length - CHARACTERS_JUDGED); at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return (hash ^ (hash >>> 15)) & (BUCKETS - 1);
}
