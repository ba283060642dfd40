/** Keeps the last configuration that worked on disk, sealed, so that a node can start while the control plane is away. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { z } from 'zod';
import { PartPacker } from '../../shared/config-parts.ts';
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import type { SecretKey } from '../../shared/secret-key.ts';
import { SnapshotBuild } from './apply-changes.ts';
import { EMPTY_STATE, upsertsOf, type ConfigState } from './config-state.ts';
import { readSealedFile, writeSealedFile } from './sealed-file.ts';
import { Slices } from './slices.ts';

/** A state, and when the control plane last said that it is the current one. */
export interface KnownGood {
  readonly state: ConfigState;
  readonly receivedAtMillis: number;
}

const NEWEST = 'last-known-good';
const PREVIOUS = 'last-known-good.previous';
/** After a write it rests this many times as long as the write took, so that a storm of changes costs a bounded share of the node. */
const REST_FACTOR = 4;
/** How much of its age a configuration that nobody changes may lose when the node restarts. */
const CONFIRMED_MILLIS = 3_600_000;
const headerSchema = z.strictObject({ version: z.string(), receivedAtMillis: z.number() });

export class LastKnownGood {
  readonly #key: Buffer;
  readonly #oldKeys: readonly Buffer[];
  readonly #directory: string;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  #waiting: KnownGood | undefined;
  #writing: Promise<void> | undefined;
  #newest: KnownGood | undefined;

  /** Files that were sealed with one of the old keys are read, too. */
  constructor(secretKey: SecretKey, dataDirectory: string, log: Logger, oldKeys: readonly SecretKey[] = []) {
    this.#key = secretKey.derive('snapshot-file');
    this.#oldKeys = oldKeys.map((key) => key.derive('snapshot-file'));
    this.#directory = join(dataDirectory, 'data-plane');
    this.#log = log;
  }

  /** The newest configuration on disk that can be obeyed; undefined when there is none. A file that was changed, cut short or sealed by another key cannot. */
  async load(sealer: SecretSealer): Promise<KnownGood | undefined> {
    for (const name of [NEWEST, PREVIOUS]) {
      try {
        return (this.#newest = await this.#read(join(this.#directory, name), sealer));
      } catch (error) {
        const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
        if (!isMissing) this.#log.warn({ err: error, file: name }, 'a saved configuration cannot be used');
      }
    }
    return undefined;
  }

  /** Writes behind the caller's back; of states that come while a write is under way only the last is written. */
  save(good: KnownGood): void {
    this.#newest = this.#waiting = good;
    this.#writing ??= this.#drain();
  }

  /** Notes that a saved configuration is still the current one; on disk now and then, since that is all that a restart needs. */
  confirm(good: KnownGood): void {
    const noted = this.#newest?.receivedAtMillis ?? 0;
    if (good.receivedAtMillis - noted > CONFIRMED_MILLIS) this.save(good);
  }

  /** Resolves when the last state is on disk. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#writing;
  }

  async #drain(): Promise<void> {
    while (this.#waiting !== undefined) {
      const good = this.#waiting;
      this.#waiting = undefined;
      const startedAt = performance.now();
      try {
        await this.#write(good);
      } catch (error) {
        this.#log.error({ err: error }, 'the configuration could not be saved; a restart without the control plane would use an older one');
      }
      await this.#rest(REST_FACTOR * (performance.now() - startedAt));
    }
    this.#writing = undefined;
  }

  async #rest(millis: number): Promise<void> {
    try {
      await wait(millis, undefined, { signal: this.#closing.signal, ref: false });
    } catch (error) {
      if (!this.#closing.signal.aborted) throw error;
    }
  }

  async #write(good: KnownGood): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await writeSealedFile(this.#key, { path: join(this.#directory, NEWEST), previousPath: join(this.#directory, PREVIOUS) }, recordsOf(good));
  }

  /** Throws what reading with the last key threw. */
  async #records(path: string): Promise<Buffer[]> {
    for (const key of this.#oldKeys.length === 0 ? [] : [this.#key, ...this.#oldKeys.slice(0, -1)]) {
      const records = await readSealedFile(key, path).catch(() => undefined);
      if (records !== undefined) return records;
    }
    return readSealedFile(this.#oldKeys.at(-1) ?? this.#key, path);
  }

  async #read(path: string, sealer: SecretSealer): Promise<KnownGood> {
    const [header, ...parts] = await this.#records(path);
    const { version, receivedAtMillis } = headerSchema.parse(JSON.parse(header?.toString('utf8') ?? ''));
    const build = new SnapshotBuild(sealer, EMPTY_STATE);
    for (const part of parts) await build.add(part);
    return { state: build.finish(version), receivedAtMillis };
  }
}

async function* recordsOf({ state, receivedAtMillis }: KnownGood): AsyncGenerator<Buffer> {
  yield Buffer.from(JSON.stringify({ version: state.snapshot.version, receivedAtMillis } satisfies z.infer<typeof headerSchema>));
  const packer = new PartPacker();
  const slices = new Slices();
  for (const upsert of upsertsOf(state)) {
    packer.add(upsert);
    if (packer.isFull) yield packer.take();
    if (slices.isOver) await slices.rest();
  }
  if (!packer.isEmpty) yield packer.take();
}
