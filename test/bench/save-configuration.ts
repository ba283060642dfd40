/** Puts a configuration on disk as a data plane's last known good one. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Logger } from 'pino';
import { SnapshotBuild } from '../../data-plane/config/apply-changes.ts';
import { EMPTY_STATE } from '../../data-plane/config/config-state.ts';
import { LastKnownGood } from '../../data-plane/config/last-known-good.ts';
import type { ConfigUpsert } from '../../shared/config-document.ts';
import { SecretSealer } from '../../shared/sealed-secret.ts';
import type { SecretKey } from '../../shared/secret-key.ts';

const pack = promisify(gzip);

export async function saveConfiguration(given: { upserts: readonly ConfigUpsert[]; secretKey: SecretKey; dataDirectory: string; log: Logger }): Promise<void> {
  const build = new SnapshotBuild(new SecretSealer(given.secretKey), EMPTY_STATE);
  await build.add(await pack(JSON.stringify(given.upserts)));
  const file = new LastKnownGood(given.secretKey, given.dataDirectory, given.log);
  file.save({ state: build.finish('1'), receivedAtMillis: Date.now() });
  await file.close();
}
