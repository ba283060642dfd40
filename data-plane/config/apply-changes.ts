/** Makes the next configuration from changes, without holding up traffic and without touching the one in force. */
import { unpackPart } from '../../shared/config-parts.ts';
import { deltaPayloadSchema, snapshotPayloadSchema } from '../../shared/config-document.ts';
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import { ConfigFault, faultOf } from './config-fault.ts';
import { EMPTY_STATE, type ConfigState } from './config-state.ts';
import { readChange } from './read-change.ts';
import type { ReceivedFrame } from './read-frame.ts';
import { Slices } from './slices.ts';
import { StateBuilder } from './state-builder.ts';

/** A delta on top of `state`; undefined when it does not begin where the state ends. Throws a `ConfigFault` when it cannot be obeyed. */
export async function applyDelta(state: ConfigState, frame: ReceivedFrame, sealer: SecretSealer): Promise<ConfigState | undefined> {
  const payload = deltaPayloadSchema.safeParse(frame.payload);
  if (!payload.success) throw faultOf('payload', payload.error);
  const { from, changes } = payload.data;
  if (from !== state.snapshot.version) return undefined;
  const builder = new StateBuilder(sealer, { base: state, previous: state });
  await applyAll(builder, new Slices(), { changes, place: 'changes' });
  return builder.finish(frame.version);
}

/** A whole configuration, built part by part as it arrives. Once a part threw, the rest is worth nothing. */
export class SnapshotBuild {
  readonly #builder: StateBuilder;
  /** The same for all parts: many that take less than a slice would hold up traffic together. */
  readonly #slices = new Slices();
  #parts = 0;

  /** `previous` lends what is still the same, so that its warm processes and connections are kept. */
  constructor(sealer: SecretSealer, previous: ConfigState) {
    this.#builder = new StateBuilder(sealer, { base: EMPTY_STATE, previous });
  }

  async add(packed: Uint8Array): Promise<void> {
    const place = `parts.${this.#parts++}`;
    await applyAll(this.#builder, this.#slices, { changes: unpacked(packed, place), place });
  }

  finish(version: string): ConfigState {
    return this.#builder.finish(version);
  }
}

/** Follows the parts of snapshots on their way; a part that is out of order is a fault. */
export class SnapshotIntake {
  readonly #sealer: SecretSealer;
  #build: SnapshotBuild | undefined;
  #version = '';
  #expected = 0;

  constructor(sealer: SecretSealer) {
    this.#sealer = sealer;
  }

  /** Undefined while parts are still to come. Throws a `ConfigFault` when the snapshot cannot be obeyed. */
  async add(frame: ReceivedFrame, previous: ConfigState): Promise<ConfigState | undefined> {
    const payload = snapshotPayloadSchema.safeParse(frame.payload);
    if (!payload.success) throw faultOf('payload', payload.error);
    const { part, isLast, gzip } = payload.data;
    if (part === 0) this.#begin(frame.version, previous);
    if (this.#build === undefined || frame.version !== this.#version || part !== this.#expected) {
      throw new ConfigFault(`part ${part} of snapshot ${frame.version} came out of order`);
    }
    await this.#build.add(Buffer.from(gzip, 'base64'));
    this.#expected++;
    if (!isLast) return undefined;
    const state = this.#build.finish(frame.version);
    this.#build = undefined;
    return state;
  }

  #begin(version: string, previous: ConfigState): void {
    this.#build = new SnapshotBuild(this.#sealer, previous);
    this.#version = version;
    this.#expected = 0;
  }
}

function unpacked(packed: Uint8Array, place: string): unknown[] {
  try {
    return unpackPart(packed);
  } catch (error) {
    throw new ConfigFault(`${place}: cannot be unpacked`, { cause: error });
  }
}

async function applyAll(builder: StateBuilder, slices: Slices, { changes, place }: { changes: readonly unknown[]; place: string }): Promise<void> {
  for (const [index, change] of changes.entries()) {
    if (slices.isOver) await slices.rest();
    builder.apply(readChange(change, `${place}.${index}`));
  }
}
