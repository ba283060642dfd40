/** Frames of the configuration feed, as a control plane would make them. */
import { gzipSync } from 'node:zlib';
import { BucketMap } from '../../data-plane/config/bucket-map.ts';
import { SnapshotIntake } from '../../data-plane/config/apply-changes.ts';
import { EMPTY_STATE, type ConfigState } from '../../data-plane/config/config-state.ts';
import type { ReceivedFrame } from '../../data-plane/config/read-frame.ts';
import { checksumOfFrame } from '../../shared/config-document.ts';
import { SecretKey } from '../../shared/secret-key.ts';
import { SecretSealer } from '../../shared/sealed-secret.ts';

export const testSecretKey = new SecretKey(Buffer.from('the secret key of the tests, long enough').toString('base64'));
export const testSealer = new SecretSealer(testSecretKey);

export function frameOf(kind: ReceivedFrame['kind'], version: string, payload: unknown): ReceivedFrame {
  return { kind, version, payload, checksum: checksumOfFrame(version, kind, payload) };
}

/** One frame for each list of upserts. */
export function snapshotFrames(version: string, ...parts: readonly (readonly unknown[])[]): ReceivedFrame[] {
  return parts.map((upserts, part) =>
    frameOf('SNAPSHOT', version, { part, isLast: part === parts.length - 1, gzip: gzipSync(JSON.stringify(upserts)).toString('base64') }),
  );
}

export function deltaFrame(from: string, version: string, changes: readonly unknown[]): ReceivedFrame {
  return frameOf('DELTA', version, { from, changes });
}

/** The state that a snapshot of these upserts leads to. */
export async function stateOf(version: string, upserts: readonly unknown[], previous: ConfigState = EMPTY_STATE): Promise<ConfigState> {
  const intake = new SnapshotIntake(testSealer);
  let state: ConfigState | undefined;
  for (const frame of snapshotFrames(version, upserts)) state = await intake.add(frame, previous);
  if (state === undefined) throw new Error('the last part makes the state');
  return state;
}

/** What a state says, without its order and without what is compiled: two states that say the same decide the same. */
export function contentOf(state: ConfigState): unknown {
  return plain({ version: state.snapshot.version, entities: state.entities, snapshot: state.snapshot });
}

function plain(value: unknown): unknown {
  if (value instanceof Map || value instanceof BucketMap) {
    const entries = [...value.entries()].map(([key, inner]): [string, unknown] => [String(key), plain(inner)]);
    return Object.fromEntries(entries.toSorted(([one], [other]) => (one < other ? -1 : 1)));
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}
