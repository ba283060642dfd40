/** Counts the windows of organisations again after Redis has lost them: from the records, and from what the nodes have under way. */
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { windowKeptUntil, windowKeysOf } from '../../shared/window-counts.ts';
import { RepeatedTask } from '../background/repeated-task.ts';
import { noteCounting } from './counted-in.ts';
import { openWindowsOf } from './limit-windows.ts';
import type { LimitsInForce } from './limits-in-force.ts';
import type { LookedUpRequest, LostWindows, RecoveredWindow } from './lost-windows.ts';
import { recordedAmong, sumWindows, type CountedWindow } from './window-sums.ts';

export interface WindowRecoveryParts {
  readonly lost: LostWindows;
  readonly em: EntityManager;
  readonly limits: LimitsInForce;
  readonly log: Logger;
}

const POLL_MILLIS = 100;
const STORED_POLL_MILLIS = 50;
const STORED_POLLS_MAX = 40;
/** Organisations that are counted at the same time. */
const AT_ONCE = 8;

export class WindowRecovery {
  readonly #parts: WindowRecoveryParts;
  readonly #task: RepeatedTask;

  constructor(parts: WindowRecoveryParts) {
    this.#parts = parts;
    const complaint = 'lost windows cannot be counted now; what they would judge is refused until they are';
    this.#task = new RepeatedTask({ pauseMillis: POLL_MILLIS, log: parts.log, complaint }, () => this.#recoverAll());
  }

  close(): Promise<void> {
    return this.#task.close();
  }

  async #recoverAll(): Promise<void> {
    const owners = [...(await this.#parts.lost.owners())];
    while (owners.length > 0) await Promise.all(owners.splice(0, AT_ONCE).map((owner) => this.#recover(owner)));
  }

  /** Windows that are open are left alone: what is settled while they are counted would be missing. What cannot be finished now is tried again. */
  async #recover(organisationId: string): Promise<void> {
    const { lost } = this.#parts;
    // First, so that whoever asks from now on is heard.
    await lost.forget(organisationId);
    let isDone = false;
    try {
      const greeting = await lost.greeting();
      if (greeting !== undefined) isDone = (await lost.areOpen(organisationId, greeting)) || (await this.#count(organisationId, greeting));
    } finally {
      if (!isDone) await lost.ask(organisationId);
    }
  }

  /** Any number of replicas may try; whoever has the lock does it. */
  async #count(organisationId: string, greeting: string): Promise<boolean> {
    const { lost, em, log } = this.#parts;
    const token = randomUUID();
    if (!(await lost.lock(organisationId, token))) return false;
    try {
      // Before anything is summed: what is stored afterwards of what another Redis was told closes the windows, and ends this.
      await noteCounting(em, organisationId, greeting);
      if (!(await this.#isToldStored(organisationId))) return false;
      const windows = await this.#windowsOf(organisationId);
      const requests = await this.#requestsOf(organisationId);
      if (!(await lost.write(organisationId, { token, greeting, requests, windows }))) return false;
      log.warn({ organisationId, windows: windows.length }, 'windows were counted again');
      return true;
    } finally {
      await lost.unlock(organisationId, token);
    }
  }

  async #requestsOf(organisationId: string): Promise<LookedUpRequest[]> {
    const { lost, em } = this.#parts;
    const requestIds = await lost.openRequests(organisationId);
    const recorded = new Set(await recordedAmong(em, requestIds));
    return requestIds.map((requestId) => ({ requestId, hasRecord: recorded.has(requestId) }));
  }

  /** What is told and not yet stored would be missing in the sums. Nothing that counts in windows is told while they are closed. */
  async #isToldStored(organisationId: string): Promise<boolean> {
    const told = await this.#parts.lost.requestsIn(organisationId);
    if (told === undefined) return false;
    for (let poll = 0; poll < STORED_POLLS_MAX; poll++) {
      if ((await recordedAmong(this.#parts.em, told)).length === told.length) return true;
      await wait(STORED_POLL_MILLIS);
    }
    return false;
  }

  /** Of the moment and before it, as far as limits are in force: calls may still be under way in either. */
  async #windowsOf(organisationId: string): Promise<RecoveredWindow[]> {
    const { em, limits } = this.#parts;
    const now = Date.now();
    const counted = (await limits(organisationId)).flatMap((limit): CountedWindow[] => openWindowsOf(limit, now).map((window) => ({ limit, window })));
    const sums = await sumWindows(em, organisationId, counted);
    return counted.map(({ limit, window }, index) => ({
      key: windowKeysOf(limit, window).key,
      keptUntilMillis: windowKeptUntil(limit, window),
      used: sums[index] ?? 0n,
    }));
  }
}
