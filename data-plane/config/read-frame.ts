/** Reads the frames of the feed, and makes the next configuration from them without holding up traffic. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import { checksumOfFrame, configUpsertSchema, deltaPayloadSchema, snapshotPayloadSchema, type ConfigChange } from '../../shared/config-document.ts';
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import { EMPTY_STATE, type ConfigState } from './config-state.ts';
import { StateBuilder } from './state-builder.ts';

export const frameSchema = z.object({
  version: z.string().regex(/^\d+$/),
  kind: z.enum(['SNAPSHOT', 'DELTA', 'HEARTBEAT']),
  payload: z.unknown(),
  checksum: z.string(),
});
export type ReceivedFrame = z.infer<typeof frameSchema>;

/** Work on a large configuration is cut into slices of this length. */
const SLICE_MILLIS = 2;
const UNPACKED_BYTES_MAX = 512 * 1024 * 1024;
const unzip = promisify(gunzip);
const listSchema = z.array(z.unknown());

/** Throws when the payload is not what the control plane sent. */
export function verifyChecksum(frame: ReceivedFrame): void {
  if (checksumOfFrame(frame.version, frame.kind, frame.payload) !== frame.checksum) throw new Error(`the checksum of ${frame.kind} ${frame.version} does not fit`);
}

/** A delta on top of the state in force; `undefined` when it does not begin where the state ends, so that a resync is needed. */
export async function applyDelta(state: ConfigState, frame: ReceivedFrame, sealer: SecretSealer): Promise<ConfigState | undefined> {
  const { from, changes } = deltaPayloadSchema.parse(frame.payload);
  if (from !== state.snapshot.version) return undefined;
  return build(changes, { base: state, previous: state, version: frame.version, sealer });
}

/** Collects the parts of a snapshot; the last one yields the whole as unparsed upserts. */
export class SnapshotParts {
  #version = '';
  #parts: string[] = [];

  async add(frame: ReceivedFrame): Promise<readonly unknown[] | undefined> {
    const { part, parts, gzip } = snapshotPayloadSchema.parse(frame.payload);
    if (part === 0) {
      this.#version = frame.version;
      this.#parts = [];
    }
    if (frame.version !== this.#version || part !== this.#parts.length) throw new Error(`part ${part} of snapshot ${frame.version} came out of order`);
    this.#parts.push(gzip);
    if (this.#parts.length < parts) return undefined;
    const upserts: unknown[] = [];
    for (const packed of this.#parts) upserts.push(...(await unpack(packed)));
    this.#parts = [];
    return upserts;
  }
}

/** A whole configuration from nothing; `previous` lends what is still the same. */
export async function buildSnapshot(upserts: readonly unknown[], given: { previous: ConfigState; version: string; sealer: SecretSealer }): Promise<ConfigState> {
  const slices = new Slices();
  const parsed: ConfigChange[] = [];
  for (const upsert of upserts) {
    parsed.push(configUpsertSchema.parse(upsert));
    await slices.rest();
  }
  return build(parsed, { ...given, base: EMPTY_STATE });
}

interface BuildGiven {
  readonly base: ConfigState;
  readonly previous: ConfigState;
  readonly version: string;
  readonly sealer: SecretSealer;
}

async function build(changes: readonly ConfigChange[], { base, previous, version, sealer }: BuildGiven): Promise<ConfigState> {
  const builder = new StateBuilder(sealer, base, previous);
  const slices = new Slices();
  for (const change of changes) {
    builder.apply(change);
    await slices.rest();
  }
  return builder.finish(version);
}

async function unpack(packed: string): Promise<readonly unknown[]> {
  const text = (await unzip(Buffer.from(packed, 'base64'), { maxOutputLength: UNPACKED_BYTES_MAX })).toString('utf8');
  return listSchema.parse(JSON.parse(text));
}

/** Lets the event loop turn whenever a slice of work is over. */
class Slices {
  #until = performance.now() + SLICE_MILLIS;

  async rest(): Promise<void> {
    if (performance.now() < this.#until) return;
    await nextTurn();
    this.#until = performance.now() + SLICE_MILLIS;
  }
}

