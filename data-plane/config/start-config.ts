/** Brings a configuration into force: the last known good at once, and from then on what the control plane says. */
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import type { SecretKey } from '../../shared/secret-key.ts';
import { FeedLink, type NodeDescription } from './feed-link.ts';
import { Feed } from './feed.ts';
import { LastKnownGood } from './last-known-good.ts';
import { buildSnapshot } from './read-frame.ts';
import { ConfigStore } from './store.ts';

export interface ConfigParts {
  readonly controlPlaneUrl: string;
  readonly token: string;
  readonly sealer: SecretSealer;
  readonly secretKey: SecretKey;
  readonly dataDirectory: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
  readonly nodeName: string;
  readonly describeNode: () => Pick<NodeDescription, 'ready' | 'inFlight' | 'endpoints'>;
}

export interface RunningConfig {
  readonly store: ConfigStore;
  close(): Promise<void>;
}

/** Resolves as soon as the file on disk has been looked at; the store may still be empty then. */
export async function startConfig(parts: ConfigParts): Promise<RunningConfig> {
  const { clock, log, sealer } = parts;
  const store = new ConfigStore(clock);
  const lastKnownGood = new LastKnownGood(parts.secretKey, parts.dataDirectory, log);
  await restore(store, lastKnownGood, sealer, log);
  const link = new FeedLink(parts.controlPlaneUrl, parts.token);
  const describeNode = () => ({ name: parts.nodeName, version: parts.version, configVersion: store.state.snapshot.version, ...parts.describeNode() });
  const feed = new Feed({ link, store, sealer, lastKnownGood, clock, log, describeNode });
  return {
    store,
    close: async () => {
      await feed.close();
      await lastKnownGood.close();
    },
  };
}

async function restore(store: ConfigStore, lastKnownGood: LastKnownGood, sealer: SecretSealer, log: Logger): Promise<void> {
  const saved = await lastKnownGood.load();
  if (saved === undefined) return;
  try {
    const state = await buildSnapshot(saved.upserts, { previous: store.state, version: saved.version, sealer });
    store.swap(state, saved.savedAtMillis);
    log.info({ version: saved.version }, 'the last known good configuration is in force');
  } catch (error) {
    log.error({ err: error }, 'the saved configuration does not fit this version; waiting for the control plane');
  }
}
