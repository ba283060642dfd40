/** Packs entities of the configuration into parts, each small enough to be read without holding up anything else. */
import { constants, gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import type { ConfigUpsert } from './config-document.ts';

export const PART_ENTITIES_MAX = 1000;
/** A part is closed once it is longer than this. */
const PART_BYTES = 250_000;
/** What zlib hands over at once: about a part, instead of the sixteen kilobytes that it would choose. */
const CHUNK_BYTES = 256 * 1024;
/** No part is unpacked beyond this; one entity alone may be larger than the usual part. */
const UNPACKED_BYTES_MAX = 64 * 1024 * 1024;
/** The longest that a UTF-16 unit becomes in UTF-8. */
const BYTES_PER_CHARACTER_MAX = 3;
/** ASCII. */
const [OPEN, COMMA, CLOSE] = [0x5b, 0x2c, 0x5d] as const;

const partSchema = z.array(z.unknown());

/** Collects entities until a part is full, in bytes that are there once for all parts. */
export class PartPacker {
  #bytes = Buffer.allocUnsafe(PART_BYTES + PART_BYTES / 4);
  #length = 0;
  #entities = 0;

  get isFull(): boolean {
    return this.#entities >= PART_ENTITIES_MAX || this.#length >= PART_BYTES;
  }

  get isEmpty(): boolean {
    return this.#entities === 0;
  }

  add(upsert: ConfigUpsert): void {
    const text = JSON.stringify(upsert);
    this.#reserve(text.length * BYTES_PER_CHARACTER_MAX);
    this.#bytes[this.#length] = this.isEmpty ? OPEN : COMMA;
    this.#length += 1 + this.#bytes.write(text, this.#length + 1);
    this.#entities++;
  }

  /** The part so far, packed; the next entity begins a new one. */
  take(): Buffer {
    const part = this.isEmpty ? Buffer.from('[]') : this.#closed();
    this.#length = 0;
    this.#entities = 0;
    // The text is mostly hashes and sealed secrets: more effort would make it hardly smaller.
    return gzipSync(part, { level: constants.Z_BEST_SPEED, chunkSize: CHUNK_BYTES / 4 });
  }

  #closed(): Buffer {
    this.#bytes[this.#length] = CLOSE;
    return this.#bytes.subarray(0, this.#length + 1);
  }

  /** Room for so much, and for what stands in front of it and at the end. */
  #reserve(bytes: number): void {
    const needed = this.#length + bytes + 2;
    if (needed > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes.subarray(0, this.#length)], needed);
  }
}

/** The entities of a part, not yet judged. Throws when it is not what `PartPacker` made. A part is so small that handing it to another thread would take longer. */
export function unpackPart(packed: Uint8Array): unknown[] {
  const text = gunzipSync(packed, { maxOutputLength: UNPACKED_BYTES_MAX, chunkSize: CHUNK_BYTES }).toString('utf8');
  return partSchema.parse(JSON.parse(text));
}
