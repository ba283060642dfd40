/** Runs the scripts of what is kept in Redis by their digest, and loads one that Redis does not know (any more). */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { isTimeout } from './patient-redis.ts';

const NAMES = ['admit', 'peek', 'extend', 'settle', 'renew', 'reap', 'sweep', 'greet', 'reopen', 'heal'] as const;
export type ScriptName = (typeof NAMES)[number];

/** What a script answers that would count in windows while those are closed (`scripts/epoch.lua`). */
export const REBUILD = 'rebuild';

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
    const script = this.#scriptOf(name);
    try {
      return await this.#redis.evalsha(script.digest, keys.length, ...keys, ...values);
    } catch (error) {
      // Nothing has been applied: Redis looks for the script before it runs anything.
      if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return this.#redis.eval(script.text, keys.length, ...keys, ...values);
      throw error;
    }
  }

  /** Redis itself holds the script to changing nothing. */
  async runReadOnly(name: ScriptName, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    const script = this.#scriptOf(name);
    return this.#redis.call('EVAL_RO', script.text, keys.length, ...keys, ...values);
  }

  /** Sends the script with its text, so that whatever is sent afterwards comes after it. */
  runInOrder(name: ScriptName, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    return this.#redis.eval(this.#scriptOf(name).text, keys.length, ...keys, ...values);
  }

  /** For scripts that count nothing twice: a reply that did not come means that nobody knows, so the same is asked once more. */
  async runSurely(name: ScriptName, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    try {
      return await this.run(name, keys, values);
    } catch (error) {
      if (!isTimeout(error)) throw error;
      return this.run(name, keys, values);
    }
  }

  #scriptOf(name: ScriptName): Script {
    const script = this.#scripts.get(name);
    if (script === undefined) throw new Error(`there is no script ${name}`);
    return script;
  }
}

const EPOCH = readText('epoch');
/** A look at what would be admitted is the same script, which then writes nothing. */
const PEEKS: Partial<Record<ScriptName, string>> = { admit: 'local PEEKS = false\n', peek: 'local PEEKS = true\n' };

function readScript(name: ScriptName): Script {
  const text = EPOCH + (PEEKS[name] ?? '') + readText(name === 'peek' ? 'admit' : name);
  return { text, digest: createHash('sha1').update(text).digest('hex') };
}

function readText(name: string): string {
  return readFileSync(new URL(`scripts/${name}.lua`, import.meta.url), 'utf8');
}
