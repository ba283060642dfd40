/** Brings a configuration into force: the last known good at once, and from then on what the control plane says. */
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import type { SecretKey } from '../../shared/secret-key.ts';
import type { SecretKeys } from '../../shared/secret-keys.ts';
import { WebSocketFeedLink, type FeedLink, type NodeDescription } from './feed-link.ts';
import { Feed, type FeedTiming } from './feed.ts';
import { LastKnownGood } from './last-known-good.ts';
import { ServerReporter } from '../reports/server-reporter.ts';
import { ConfigStore } from './store.ts';

export interface ConfigParts {
  readonly controlPlaneUrl: string;
  readonly token: string;
  readonly sealer: SecretSealer;
  readonly secretKey: SecretKey;
  readonly oldSecretKeys?: SecretKeys['old'];
  readonly dataDirectory: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
  readonly nodeName: string;
  readonly describeNode: () => Pick<NodeDescription, 'region' | 'ready' | 'inFlight' | 'endpoints'>;
  readonly timing?: FeedTiming;
}

export interface RunningConfig {
  readonly store: ConfigStore;
  readonly renewToken: FeedLink['renewToken'];
  /** Tells the control plane how this node is, without waiting for the next time. */
  announce(): void;
  /** Resolves when the last configuration is on disk. */
  close(): Promise<void>;
}

/** Resolves as soon as the file on disk has been looked at; the store may still be empty then. */
export async function startConfig(parts: ConfigParts): Promise<RunningConfig> {
  const { clock, log, sealer, timing } = parts;
  const store = new ConfigStore(clock);
  const lastKnownGood = new LastKnownGood(parts.secretKey, parts.dataDirectory, log, parts.oldSecretKeys);
  const saved = await lastKnownGood.load(sealer);
  if (saved !== undefined) {
    store.swap(saved.state, saved.receivedAtMillis);
    log.info({ version: saved.state.snapshot.version }, 'the last known good configuration is in force');
  }
  const link = new WebSocketFeedLink(parts.controlPlaneUrl, parts.token);
  const describeNode = () => ({
    name: parts.nodeName,
    version: parts.version,
    configVersion: store.state.snapshot.version,
    ...parts.describeNode(),
  });
  const feed = new Feed({ link, store, sealer, lastKnownGood, clock, log, describeNode, ...(timing === undefined ? {} : { timing }) });
  const reporter = new ServerReporter({ store, clock, log, tell: (reports) => feed.report(reports) });
  return {
    store,
    renewToken: (wanted) => link.renewToken(wanted),
    announce: () => feed.sayHello(),
    close: async () => {
      await reporter.close();
      await feed.close();
      await lastKnownGood.close();
    },
  };
}
