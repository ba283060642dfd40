/** Keeps the last configuration that worked on disk, sealed, so that a node can start while the control plane is away. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { SecretKey } from '../../shared/secret-key.ts';
import { upsertsOf, type ConfigState } from './config-state.ts';

const FORMAT = 'turnpike-config-1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const documentSchema = z.object({ version: z.string(), savedAtMillis: z.number(), upserts: z.array(z.unknown()) });
export type SavedConfig = z.infer<typeof documentSchema>;

const pack = promisify(gzip);
const unpack = promisify(gunzip);

export class LastKnownGood {
  readonly #key: Buffer;
  readonly #directory: string;
  readonly #log: Logger;
  #waiting: ConfigState | undefined;
  #writing: Promise<void> | undefined;

  constructor(secretKey: SecretKey, dataDirectory: string, log: Logger) {
    this.#key = secretKey.derive('snapshot-file');
    this.#directory = join(dataDirectory, 'data-plane');
    this.#log = log;
  }

  /** The newest file that opens; undefined when there is none. A file that was changed, cut short or sealed by another key does not open. */
  async load(): Promise<SavedConfig | undefined> {
    for (const name of ['last-known-good', 'last-known-good.previous']) {
      try {
        return await this.#read(join(this.#directory, name));
      } catch (error) {
        const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
        if (!isMissing) this.#log.warn({ err: error, file: name }, 'a saved configuration cannot be used');
      }
    }
    return undefined;
  }

  /** Writes behind the caller's back; of states that come while a write is under way only the last is written. */
  save(state: ConfigState): void {
    this.#waiting = state;
    this.#writing ??= this.#drain().finally(() => {
      this.#writing = undefined;
    });
  }

  async close(): Promise<void> {
    await this.#writing;
  }

  async #drain(): Promise<void> {
    for (let state = this.#waiting; state !== undefined; state = this.#waiting) {
      this.#waiting = undefined;
      try {
        await this.#write(state);
      } catch (error) {
        this.#log.error({ err: error }, 'the configuration could not be saved; a restart without the control plane would use an older one');
      }
    }
  }

  async #write(state: ConfigState): Promise<void> {
    const document = { version: state.snapshot.version, savedAtMillis: Date.now(), upserts: [...upsertsOf(state)] };
    const sealed = this.#seal(await pack(JSON.stringify(document)));
    const file = join(this.#directory, 'last-known-good');
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const temporary = `${file}.${process.pid}.new`;
    const handle = await open(temporary, 'w', 0o600);
    try {
      await handle.writeFile(sealed);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(file, `${file}.previous`).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    });
    await rename(temporary, file);
  }

  async #read(path: string): Promise<SavedConfig> {
    const text = await unpack(this.#open(await readFile(path)));
    return documentSchema.parse(JSON.parse(text.toString('utf8')));
  }

  #seal(plain: Buffer): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    cipher.setAAD(Buffer.from(FORMAT));
    return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }

  #open(sealed: Buffer): Buffer {
    const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(0, NONCE_BYTES));
    decipher.setAAD(Buffer.from(FORMAT));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  }
}
