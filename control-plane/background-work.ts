/** What the control plane does by itself, beside answering: each task again and again until the plane ends. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import type { SecretKeys } from '../shared/secret-keys.ts';
import { startAlertKeeper } from './alerts/alert-keeper.ts';
import { AuditHeadKeeper } from './audit/audit-head-keeper.ts';
import { HeadSigner } from './audit/audit-heads.ts';
import { startExportKeeper } from './exports/export-keeper.ts';
import { startHousekeeping } from './live/housekeeping.ts';
import type { LedgerSource } from './money/ledger-look.ts';
import { storedLimitsInForce } from './money/limits-in-force.ts';
import type { LostWindows } from './money/lost-windows.ts';
import { startReconciliation } from './money/reconciliation.ts';
import { WindowRecovery } from './money/window-recovery.ts';
import type { Services } from './services.ts';
import type { ControlPlaneSettings } from './settings.ts';
import { DiscoverySchedule } from './tools/discovery-schedule.ts';
import { startSightingsKeeper } from './usage-intake/sightings-keeper.ts';
import { startUsageSealing } from './usage-seals/usage-sealing.ts';

export interface BackgroundParts {
  readonly settings: ControlPlaneSettings;
  /** Sees every organisation. */
  readonly em: EntityManager;
  readonly keys: SecretKeys;
  readonly services: Services;
  readonly lostWindows: LostWindows | undefined;
  readonly ledger: LedgerSource | undefined;
  readonly log: Logger;
}

interface BackgroundTask {
  close(): Promise<void>;
}

/** Every replica starts all of it; what only one may do at a time, they share out by themselves. */
export function startBackgroundWork(parts: BackgroundParts): readonly BackgroundTask[] {
  const { settings, em, log, lostWindows, ledger } = parts;
  const { reconciliationMillis: everyMillis, usageRetentionDays: retentionDays, dataDirectory } = settings;
  return [
    ...(lostWindows === undefined ? [] : [new WindowRecovery({ lost: lostWindows, em, limits: storedLimitsInForce(em), log })]),
    ...(ledger === undefined ? [] : [startReconciliation({ em, ledger, everyMillis, retentionDays, log })]),
    new AuditHeadKeeper({ em, signer: new HeadSigner(parts.keys.current, parts.keys.old), dataDirectory, log }),
    new DiscoverySchedule(em, parts.services.discovery, log),
    ...startHousekeeping(em, parts.services.serverHealth, log),
    startUsageSealing(em, log),
    ...(retentionDays === undefined ? [] : [startSightingsKeeper(em, retentionDays, log)]),
    startAlertKeeper(em, parts.services, log),
    startExportKeeper(em, log),
    parts.services.tokenKeeper,
  ];
}
