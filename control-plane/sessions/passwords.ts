/** Hashes passwords with argon2id, a few at a time, since each takes memory and a thread; what is stored says how it was made. */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { z } from 'zod';
import { rateLimited } from '../graphql/errors.ts';

const hashWith = promisify(argon2);

/** The least that OWASP asks of argon2id: about a tenth of a second. */
const COST = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 };
const SALT_BYTES = 16;
/** So many are computed at once, and so many more may wait. */
const ROOM = { running: 2, waiting: 100 };
const RETRY_SECONDS = 5;
const STORED = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;
const LENGTH_MIN = 12;
const LENGTH_MAX = 200;

/** Length is all that is asked: rules about characters make passwords easier to guess. */
export const newPasswordSchema = z
  .string()
  .max(LENGTH_MAX, `a password has at most ${LENGTH_MAX} characters`)
  .refine((password) => Array.from(password).length >= LENGTH_MIN, `a password has at least ${LENGTH_MIN} characters`);

interface ReadHash {
  readonly cost: typeof COST;
  readonly salt: Buffer;
  readonly tag: Buffer;
}

export class Passwords {
  readonly #room: typeof ROOM;
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  /** Of no password at all. */
  readonly #dummy: ReadHash = { cost: COST, salt: randomBytes(SALT_BYTES), tag: randomBytes(COST.tagLength) };

  constructor(room = ROOM) {
    this.#room = room;
  }

  /** In the form of the PHC string format. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES);
    const tag = await this.#compute(password, COST, salt);
    return `$argon2id$v=19$m=${COST.memory},t=${COST.passes},p=${COST.parallelism}$${unpadded(salt)}$${unpadded(tag)}`;
  }

  /** Where there is no hash to compare with, the answer is no, and takes as long. */
  async isRight(password: string, stored: string | null): Promise<boolean> {
    const { cost, salt, tag } = stored === null ? this.#dummy : readHash(stored);
    return timingSafeEqual(await this.#compute(password, cost, salt), tag);
  }

  async #compute(password: string, cost: typeof COST, salt: Buffer): Promise<Buffer> {
    await this.#turn();
    try {
      // Two keyboards may write the same letter differently.
      return await hashWith('argon2id', { ...cost, message: password.normalize('NFKC'), nonce: salt });
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  /** Whoever had to wait gets the place of the one that is done. */
  async #turn(): Promise<void> {
    if (this.#running < this.#room.running) {
      this.#running++;
      return;
    }
    if (this.#waiting.length >= this.#room.waiting) throw rateLimited('too many people sign in at this moment', RETRY_SECONDS);
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

function readHash(stored: string): ReadHash {
  const [, memory, passes, parallelism, salt = '', tag = ''] = STORED.exec(stored) ?? [];
  const read = { salt: Buffer.from(salt, 'base64'), tag: Buffer.from(tag, 'base64') };
  if (read.tag.length === 0) throw new Error('a stored password hash cannot be read');
  return { ...read, cost: { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism), tagLength: read.tag.length } };
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
