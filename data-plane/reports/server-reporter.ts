/** Tells the control plane what this node noticed of its servers: only what is new, a few seconds later, and never while a call waits. */
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import type { ConfigStore } from '../config/store.ts';
import { healthOf, type ServerReport, type SightedHealth } from './server-report.ts';

const LOOK_MILLIS = 5000;
/** That a server is as it was is said again after this long, so that it is not taken for forgotten. */
const REPEAT_MILLIS = 600_000;
/** Of one message; the rest is told with the next. */
const REPORTS_MAX = 200;

export interface ReporterParts {
  readonly store: Pick<ConfigStore, 'current'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Resolves to false while nobody can be told. */
  readonly tell: (reports: readonly ServerReport[]) => Promise<boolean>;
}

/** What was told of a server last. */
interface Told {
  readonly health: SightedHealth | null;
  readonly atMillis: number;
  /** Tools that differ from what holds, as one text. */
  readonly drifts: string;
}

export class ServerReporter {
  readonly #parts: ReporterParts;
  readonly #timer: NodeJS.Timeout;
  readonly #told = new Map<string, Told>();
  /** What is to be told, by server: the newest of each. */
  readonly #waiting = new Map<string, ServerReport>();
  #telling: Promise<void> | undefined;

  constructor(parts: ReporterParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => void this.look(), LOOK_MILLIS);
  }

  /** Never rejects: what could not be told is told the next time. */
  look(): Promise<void> {
    this.#notice();
    this.#telling ??= this.#tellWaiting().finally(() => (this.#telling = undefined));
    return this.#telling;
  }

  /** Ends after what is being told. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#telling;
  }

  #notice(): void {
    const seen = new Set<string>();
    for (const servers of this.#parts.store.current()?.servers.values() ?? []) {
      for (const [name, server] of servers) {
        // Every server is there by its slug as well.
        if (name !== server.config.id) continue;
        seen.add(name);
        this.#noticeOne(server);
      }
    }
    for (const gone of [...this.#told.keys()].filter((id) => !seen.has(id))) this.#told.delete(gone);
    for (const gone of [...this.#waiting.keys()].filter((id) => !seen.has(id))) this.#waiting.delete(gone);
  }

  #noticeOne({ config, sighting, toolPins }: GovernedServer): void {
    const sighted = sighting.take();
    const hasDrifts = toolPins.drifts.size > 0;
    if (sighted === undefined && !hasDrifts) return;
    const told = this.#told.get(config.id) ?? NOTHING_TOLD;
    const nowMillis = this.#parts.clock.elapsed();
    const drifts = hasDrifts ? JSON.stringify([...toolPins.drifts]) : told.drifts;
    const now = sighted === undefined ? undefined : healthOf(sighted, config.auth);
    const isNews = now !== undefined && (now.health !== told.health || nowMillis - told.atMillis >= REPEAT_MILLIS);
    const toolsChanged = drifts !== told.drifts;
    if (!isNews && !toolsChanged) return;
    const waiting = this.#waiting.get(config.id);
    this.#waiting.set(config.id, {
      serverId: config.id,
      health: isNews ? now.health : (waiting?.health ?? null),
      detail: isNews ? now.detail : (waiting?.detail ?? null),
      toolsChanged: toolsChanged || waiting?.toolsChanged === true,
    });
    this.#told.set(config.id, { health: isNews ? now.health : told.health, atMillis: isNews ? nowMillis : told.atMillis, drifts });
  }

  async #tellWaiting(): Promise<void> {
    const reports = [...this.#waiting.values()].slice(0, REPORTS_MAX);
    if (reports.length === 0) return;
    try {
      if (!(await this.#parts.tell(reports))) return;
    } catch (error) {
      this.#parts.log.debug({ err: error }, 'the control plane did not hear what was noticed of servers');
      return;
    }
    // What is newer than what was told is still to be told.
    for (const report of reports) if (this.#waiting.get(report.serverId) === report) this.#waiting.delete(report.serverId);
  }
}

const NOTHING_TOLD: Told = { health: null, atMillis: 0, drifts: '' };
