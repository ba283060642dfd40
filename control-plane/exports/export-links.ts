/** Links by which an export is downloaded without signing in: good for one export, in the name of whoever asked, for a quarter of an hour. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { SecretKey } from '../../shared/secret-key.ts';
import type { Actor } from '../access/standing.ts';

export const DOWNLOAD_PATH = '/v1/export/download/';
const GOOD_MILLIS = 900_000;

const linkSchema = z.object({
  id: z.string(),
  kind: z.enum(['ADMIN_TOKEN', 'USER']),
  by: z.string(),
  until: z.string().regex(/^\d{1,15}$/),
  signature: z.string().regex(/^[0-9a-f]{64}$/),
});

/** Who downloads what. */
export interface Download {
  readonly id: string;
  readonly actor: Actor;
}

export class ExportLinks {
  readonly #key: Buffer;

  constructor(secretKey: SecretKey) {
    this.#key = secretKey.derive('export-links');
  }

  /** Path and query on the control plane. */
  linkTo({ id, actor }: Download, nowMillis: number): string {
    const until = String(nowMillis + GOOD_MILLIS);
    const query = new URLSearchParams({ kind: actor.kind, by: actor.id, until, signature: this.#sign({ id, actor }, until).toString('hex') });
    return `${DOWNLOAD_PATH}${id}?${query.toString()}`;
  }

  /** Undefined for a link that is none of ours, was changed, or is no longer good. */
  read(path: string, query: URLSearchParams, nowMillis: number): Download | undefined {
    const reading = linkSchema.safeParse({ ...Object.fromEntries(query), id: path.slice(DOWNLOAD_PATH.length) });
    if (!reading.success) return undefined;
    const { id, kind, by, until, signature } = reading.data;
    const download = { id, actor: { kind, id: by } };
    const isOurs = timingSafeEqual(Buffer.from(signature, 'hex'), this.#sign(download, until));
    return isOurs && nowMillis < Number(until) ? download : undefined;
  }

  #sign({ id, actor }: Download, until: string): Buffer {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([id, actor.kind, actor.id, until]))
      .digest();
  }
}
