/** A map that is shared with an older snapshot until it is written to, and copied then: once per change of configuration. */

export class SharedMap<Key, Value> {
  #map: ReadonlyMap<Key, Value>;
  #copy: Map<Key, Value> | undefined;

  constructor(map: ReadonlyMap<Key, Value>) {
    this.#map = map;
  }

  get current(): ReadonlyMap<Key, Value> {
    return this.#map;
  }

  get(key: Key): Value | undefined {
    return this.#map.get(key);
  }

  set(key: Key, value: Value): void {
    this.#own().set(key, value);
  }

  delete(key: Key): void {
    if (this.#map.has(key)) this.#own().delete(key);
  }

  #own(): Map<Key, Value> {
    if (this.#copy === undefined) this.#map = this.#copy = new Map(this.#map);
    return this.#copy;
  }
}

/** Maps within a map, each copied only when it is written to itself. */
export class SharedMapOfMaps<Outer, Inner, Value> {
  readonly #outer: SharedMap<Outer, ReadonlyMap<Inner, Value>>;
  readonly #owned = new Map<Outer, Map<Inner, Value>>();

  constructor(map: ReadonlyMap<Outer, ReadonlyMap<Inner, Value>>) {
    this.#outer = new SharedMap(map);
  }

  get current(): ReadonlyMap<Outer, ReadonlyMap<Inner, Value>> {
    return this.#outer.current;
  }

  get(outer: Outer, inner: Inner): Value | undefined {
    return this.#outer.get(outer)?.get(inner);
  }

  set(outer: Outer, inner: Inner, value: Value): void {
    this.#own(outer).set(inner, value);
  }

  delete(outer: Outer, inner: Inner): void {
    if (this.get(outer, inner) === undefined) return;
    const map = this.#own(outer);
    map.delete(inner);
    if (map.size > 0) return;
    this.#outer.delete(outer);
    this.#owned.delete(outer);
  }

  #own(outer: Outer): Map<Inner, Value> {
    let map = this.#owned.get(outer);
    if (map === undefined) {
      map = new Map(this.#outer.get(outer));
      this.#owned.set(outer, map);
      this.#outer.set(outer, map);
    }
    return map;
  }
}
