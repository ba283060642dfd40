/** Runs the scripts of what is kept in Redis by their digest, and loads one that Redis does not know (any more). */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

const NAMES = ['admit', 'settle', 'renew', 'reap', 'sweep', 'heal'] as const;
export type ScriptName = (typeof NAMES)[number];

interface Script {
  readonly text: string;
  readonly digest: string;
}

export class RedisScripts {
  readonly #redis: Redis;
  readonly #scripts = new Map<ScriptName, Script>(NAMES.map((name) => [name, readScript(name)]));

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  async run(name: ScriptName, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    const script = this.#scripts.get(name);
    if (script === undefined) throw new Error(`there is no script ${name}`);
    try {
      return await this.#redis.evalsha(script.digest, keys.length, ...keys, ...values);
    } catch (error) {
      // Nothing has been applied: Redis looks for the script before it runs anything.
      if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return this.#redis.eval(script.text, keys.length, ...keys, ...values);
      throw error;
    }
  }
}

function readScript(name: ScriptName): Script {
  const text = readFileSync(new URL(`scripts/${name}.lua`, import.meta.url), 'utf8');
  return { text, digest: createHash('sha1').update(text).digest('hex') };
}
