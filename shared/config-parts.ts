/** Packs entities of the configuration into parts, each small enough to be read without holding up anything else. */
import { promisify } from 'node:util';
import { constants, gunzipSync, gzip } from 'node:zlib';
import { z } from 'zod';
import type { ConfigUpsert } from './config-document.ts';

export const PART_ENTITIES_MAX = 1000;
/** A part is closed once its text is longer than this. */
const PART_CHARACTERS = 1_000_000;
/** What zlib hands over at once: about a part, instead of the sixteen kilobytes that it would choose. */
const CHUNK_BYTES = 1024 * 1024;
/** No part is unpacked beyond this; one entity alone may be larger than the usual part. */
const UNPACKED_BYTES_MAX = 64 * 1024 * 1024;

const pack = promisify(gzip);
const partSchema = z.array(z.unknown());

/** Collects entities until a part is full. */
export class PartPacker {
  #texts: string[] = [];
  #characters = 0;

  get isFull(): boolean {
    return this.#texts.length >= PART_ENTITIES_MAX || this.#characters >= PART_CHARACTERS;
  }

  get isEmpty(): boolean {
    return this.#texts.length === 0;
  }

  add(upsert: ConfigUpsert): void {
    const text = JSON.stringify(upsert);
    this.#texts.push(text);
    this.#characters += text.length;
  }

  /** The part so far, packed; the next entity begins a new one. */
  take(): Promise<Buffer> {
    const text = `[${this.#texts.join(',')}]`;
    this.#texts = [];
    this.#characters = 0;
    // The text is mostly hashes and sealed secrets: more effort would make it hardly smaller.
    return pack(text, { level: constants.Z_BEST_SPEED, chunkSize: CHUNK_BYTES / 8 });
  }
}

/** The entities of a part, not yet judged. Throws when it is not what `PartPacker` made. A part is so small that handing it to another thread would take longer. */
export function unpackPart(packed: Uint8Array): unknown[] {
  const text = gunzipSync(packed, { maxOutputLength: UNPACKED_BYTES_MAX, chunkSize: CHUNK_BYTES }).toString('utf8');
  return partSchema.parse(JSON.parse(text));
}
