/** Signed heads: where a chain of an organisation ended at a moment, in a form that only whoever has the secret key can make. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { SecretKey } from '../../shared/secret-key.ts';
import { canonicalJson } from './audit-chain.ts';

/** In the data directory: a line of JSON for each head. Lines are only ever added, so that an older head speaks against a chain that was cut. */
export const AUDIT_HEADS_FILE = 'audit-heads.jsonl';

/** The chain of audit events has no name, as heads had none before there was another chain. */
const chainSchema = z.literal('usage').optional();
const headSchema = z.strictObject({
  chain: chainSchema,
  organisationId: z.string(),
  position: z.string().regex(/^\d{1,19}$/),
  hash: z.string(),
  at: z.iso.datetime(),
});
const signedSchema = headSchema.extend({ signature: z.string() });
export type AuditHead = z.infer<typeof headSchema>;
export type SignedHead = z.infer<typeof signedSchema>;
export type ChainName = AuditHead['chain'];

export class HeadSigner {
  readonly #key: Buffer;
  readonly #oldKeys: readonly Buffer[];

  /** Reads what was signed with one of the old keys, too. */
  constructor(secretKey: SecretKey, old: readonly SecretKey[] = []) {
    this.#key = secretKey.derive('audit-heads');
    this.#oldKeys = old.map((key) => key.derive('audit-heads'));
  }

  sign(head: AuditHead): SignedHead {
    return { ...head, signature: signatureOf(head, this.#key).toString('hex') };
  }

  /** The head in a line of a file; undefined when it is none that was signed with such a key. */
  read(line: string): AuditHead | undefined {
    const reading = signedSchema.safeParse(parsed(line));
    if (!reading.success) return undefined;
    const { signature, ...head } = reading.data;
    const given = Buffer.from(signature, 'hex');
    return [this.#key, ...this.#oldKeys].some((key) => isSame(given, signatureOf(head, key))) ? head : undefined;
  }
}

function signatureOf(head: AuditHead, key: Buffer): Buffer {
  return createHmac('sha256', key).update(canonicalJson(head)).digest();
}

function isSame(given: Buffer, expected: Buffer): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** Undefined, which is no head, for what is no JSON. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
