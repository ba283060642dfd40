/** The children of all STDIO servers: finds a server's, and sees to what may run and how many. */
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import { Refusal } from '../../shared/refusal.ts';
import type { StdioAllowlist } from '../../shared/stdio-allowlist.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import { NO_ISOLATION, type ProcessIsolation } from './process-isolation.ts';
import type { ProcessReaper } from './process-reaper.ts';
import type { StdioNoise } from './stdio-noise.ts';
import { inheritedEnvironment } from '../../shared/stdio-environment.ts';
import { STDIO_LIMITS, type StdioLimits } from './stdio-limits.ts';
import { StdioFleet } from './stdio-fleet.ts';
import type { StdioDispatch } from './stdio-lending.ts';
import { StdioPool } from './stdio-pool.ts';
import { StdioSessions } from './stdio-sessions.ts';
import type { ChildProgram } from './stdio-process.ts';

export interface StdioParts {
  /** What the operator lets servers run; nothing else is ever started. */
  readonly allowlist: StdioAllowlist;
  /** Without it, children share user and processes with the gateway. */
  readonly isolation?: ProcessIsolation;
  readonly reaper: ProcessReaper;
  readonly clock: Clock;
  readonly log: Logger;
  /** The gateway's own environment, of which children see six names. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The server as it is configured now; undefined when it is gone. Without this, a server that changed has to be called to be kept. */
  readonly presentForm?: (server: GovernedServer) => GovernedServer | undefined;
  readonly limits?: Partial<StdioLimits>;
}

interface KnownServer {
  server: GovernedServer;
  readonly fleet: StdioFleet;
  readonly dispatch: StdioDispatch;
}

export class StdioPools {
  readonly noise: StdioNoise = { garbageLines: 0, unmatchedAnswers: 0, droppedNotifications: 0, refusedRequests: 0 };
  readonly #parts: StdioParts;
  readonly #isolation: ProcessIsolation;
  readonly #limits: StdioLimits;
  readonly #inherited: Readonly<Record<string, string>>;
  readonly #known = new Map<string, KnownServer>();
  readonly #draining = new Set<StdioFleet>();
  #isClosed = false;
  #hasStarted = false;

  constructor(parts: StdioParts) {
    this.#parts = parts;
    this.#limits = { ...STDIO_LIMITS, ...parts.limits };
    this.#isolation = parts.isolation ?? NO_ISOLATION;
    this.#inherited = inheritedEnvironment(parts.environment, this.#isolation.user === undefined);
  }

  /** What serves a server in its present form. Throws a refusal when the server may not run. */
  dispatchOf(server: GovernedServer): StdioDispatch {
    return this.#knownAs(server).dispatch;
  }

  /** Starts what a server is to have warm and has not, where there is room: nobody gives way to a process that nobody waits for. */
  warm(server: GovernedServer): void {
    const { fleet } = this.#knownAs(server);
    while (fleet.size < server.limits.warmProcesses && this.#running < this.#limits.childrenMax) fleet.start({});
  }

  /** Whether a process of the server, as it runs now, has said that it knows no revision with sessions. */
  isModernOnly(server: GovernedServer): boolean {
    return this.#known.get(server.config.id)?.fleet.greeting.isModern === true;
  }

  retire(serverId: string): void {
    this.#known.get(serverId)?.fleet.retire(() => this.#settle(serverId));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#draining, ...this.#fleets].map((fleet) => fleet.close()));
  }

  get #fleets(): StdioFleet[] {
    return [...this.#known.values()].map(({ fleet }) => fleet);
  }

  /** Child processes of all servers. */
  get #running(): number {
    for (const fleet of this.#draining) if (fleet.size === 0) this.#draining.delete(fleet);
    return [...this.#fleets, ...this.#draining].reduce((sum, fleet) => sum + fleet.size, 0);
  }

  /** A change that leaves the program as it is ends no process, since a session may be kept in it. */
  #settle(serverId: string): void {
    const known = this.#known.get(serverId);
    if (known === undefined) return;
    const present = this.#parts.presentForm?.(known.server);
    const command = present?.config.enabled === true ? present.config.stdioCommand : null;
    const isKept = present !== undefined && command !== null && this.#reclaims(known, present, this.#launchOf(present, command));
    if (!isKept) this.#drain(serverId);
  }

  #knownAs(server: GovernedServer): KnownServer {
    if (this.#isClosed) throw new Refusal('not_ready', 'draining');
    const known = this.#known.get(server.config.id);
    if (known?.server === server) return known;
    const program = this.#programOf(server);
    if (known !== undefined && this.#reclaims(known, server, program)) return known;
    if (known !== undefined) this.#drain(server.config.id);
    const fleet = this.#openFleet(server, program);
    const dispatch = server.config.stdioIsolation === 'PER_SESSION' ? new StdioSessions(fleet) : new StdioPool(fleet);
    const opened = { server, fleet, dispatch };
    this.#known.set(server.config.id, opened);
    return opened;
  }

  #reclaims(known: KnownServer, server: GovernedServer, program: ChildProgram): boolean {
    if (!isSame(known.fleet.program, program) || known.server.config.stdioIsolation !== server.config.stdioIsolation) return false;
    known.fleet.reclaim(server.limits);
    known.server = server;
    return true;
  }

  #programOf(server: GovernedServer): ChildProgram {
    const { slug, stdioCommand: command, stdioArgs: args } = server.config;
    if (command === null) throw new Refusal('missing_endpoint', 'missing_endpoint', `server ${slug} has no command`);
    const objection = this.#parts.allowlist.objectionTo({ command, args, envNames: Object.keys(server.stdioEnv) });
    if (objection !== undefined) throw new Refusal('stdio_error', 'stdio_not_allowed', `server ${slug}: ${objection}`);
    return this.#launchOf(server, command);
  }

  #launchOf({ config, stdioEnv }: GovernedServer, command: string): ChildProgram {
    return { command, args: config.stdioArgs, environment: { ...this.#inherited, ...stdioEnv }, secrets: Object.values(stdioEnv) };
  }

  #openFleet(server: GovernedServer, program: ChildProgram): StdioFleet {
    const { reaper, clock, log } = this.#parts;
    return new StdioFleet(program, server.limits, {
      isolation: this.#isolation,
      reaper,
      clock,
      log,
      limits: this.#limits,
      slug: server.config.slug,
      noise: this.noise,
      makeRoom: () => this.#makeRoom(),
    });
  }

  #drain(serverId: string): void {
    const known = this.#known.get(serverId);
    if (known === undefined) return;
    this.#known.delete(serverId);
    this.#draining.add(known.fleet);
    known.fleet.drain();
  }

  #makeRoom(): boolean {
    if (!this.#hasStarted) this.#parts.log.info(this.#isolation.tell(), 'how STDIO servers are kept apart from this gateway');
    this.#hasStarted = true;
    if (this.#running < this.#limits.childrenMax) return true;
    const idle = this.#fleets.flatMap((fleet) => {
      const child = fleet.longestIdle();
      return child === undefined ? [] : [{ fleet, sinceMillis: child.lastUsedMillis }];
    });
    const [longest] = idle.sort((left, right) => left.sinceMillis - right.sinceMillis);
    return longest?.fleet.stopLongestIdle() === true;
  }
}

function isSame(left: ChildProgram, right: ChildProgram): boolean {
  return JSON.stringify([left.command, left.args, left.environment]) === JSON.stringify([right.command, right.args, right.environment]);
}
