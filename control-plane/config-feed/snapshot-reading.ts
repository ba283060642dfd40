/** One reading of the configuration that any number of data planes follow at once, each from its first part. */
import type { SnapshotPayload } from '../../shared/config-document.ts';
import type { SnapshotSink } from './snapshot-builder.ts';

export interface SnapshotPart {
  readonly version: string;
  readonly payload: SnapshotPayload;
}

/** Many data planes that come back together cost the database one reading: who comes while it is under way joins it. */
export class SnapshotReading implements SnapshotSink {
  readonly #packed: string[] = [];
  #version = '';
  #ending: { readonly error: unknown } | 'complete' | undefined;
  #growth = Promise.withResolvers<void>();

  begin(version: string): void {
    this.#version = version;
  }

  add(packed: string): void {
    this.#packed.push(packed);
    this.#grow();
  }

  complete(): void {
    this.#ending = 'complete';
    this.#grow();
  }

  /** Everybody who follows fails with it. */
  fail(error: unknown): void {
    this.#ending = { error };
    this.#grow();
  }

  /** Parts as they are made. A part waits for the next one, since only then is it known not to be the last. */
  async *parts(): AsyncGenerator<SnapshotPart> {
    for (let part = 0; ; part++) {
      while (this.#ending === undefined && part + 1 >= this.#packed.length) await this.#growth.promise;
      if (this.#ending !== undefined && this.#ending !== 'complete') throw this.#ending.error;
      const gzip = this.#packed[part];
      if (gzip === undefined) throw new Error('a snapshot has one part at least');
      const isLast = this.#ending === 'complete' && part === this.#packed.length - 1;
      yield { version: this.#version, payload: { part, isLast, gzip } };
      if (isLast) return;
    }
  }

  #grow(): void {
    this.#growth.resolve();
    this.#growth = Promise.withResolvers();
  }
}
