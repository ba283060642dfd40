/** The pools of all STDIO servers: finds a server's, and sees to what may run and how many. */
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import { Refusal } from '../../shared/refusal.ts';
import type { StdioAllowlist } from '../../shared/stdio-allowlist.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import type { ProcessReaper } from './process-reaper.ts';
import type { StdioNoise } from './stdio-child.ts';
import { inheritedEnvironment } from './stdio-environment.ts';
import { STDIO_LIMITS, type StdioLimits } from './stdio-limits.ts';
import { StdioPool } from './stdio-pool.ts';
import type { ChildProgram } from './stdio-process.ts';

export interface StdioParts {
  /** What the operator lets servers run; nothing else is ever started. */
  readonly allowlist: StdioAllowlist;
  readonly reaper: ProcessReaper;
  readonly clock: Clock;
  readonly log: Logger;
  /** The gateway's own environment, of which children see six names. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly limits?: Partial<StdioLimits>;
}

export class StdioPools {
  readonly noise: StdioNoise = { garbageLines: 0, unmatchedAnswers: 0, droppedNotifications: 0, refusedRequests: 0 };
  readonly #parts: StdioParts;
  readonly #limits: StdioLimits;
  readonly #inherited: Readonly<Record<string, string>>;
  readonly #pools = new Map<string, { pool: StdioPool; server: GovernedServer }>();
  readonly #draining = new Set<StdioPool>();
  #isClosed = false;
  #hasStarted = false;

  constructor(parts: StdioParts) {
    this.#parts = parts;
    this.#limits = { ...STDIO_LIMITS, ...parts.limits };
    this.#inherited = inheritedEnvironment(parts.environment);
  }

  /** The pool of a server in its present form. Throws a refusal when the server may not run. */
  poolOf(server: GovernedServer): StdioPool {
    if (this.#isClosed) throw new Refusal('not_ready', 'draining');
    const known = this.#pools.get(server.config.id);
    if (known?.server === server) return known.pool;
    const program = this.#programOf(server);
    if (known !== undefined && isSame(known.pool.program, program)) {
      known.pool.reclaim();
      known.server = server;
      return known.pool;
    }
    if (known !== undefined) this.#drain(server.config.id);
    const pool = this.#openPool(server, program);
    this.#pools.set(server.config.id, { pool, server });
    return pool;
  }

  retire(serverId: string): void {
    this.#pools.get(serverId)?.pool.retire(() => this.#drain(serverId));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#draining, ...[...this.#pools.values()].map(({ pool }) => pool)].map((pool) => pool.close()));
  }

  #programOf({ config, stdioEnv }: GovernedServer): ChildProgram {
    const { stdioCommand: command, stdioArgs: args } = config;
    if (command === null) throw new Refusal('missing_endpoint', 'missing_endpoint', `server ${config.slug} has no command`);
    const objection = this.#parts.allowlist.objectionTo({ command, args, envNames: Object.keys(stdioEnv) });
    if (objection !== undefined) throw new Refusal('stdio_error', 'stdio_not_allowed', `server ${config.slug}: ${objection}`);
    return { command, args, environment: { ...this.#inherited, ...stdioEnv }, secrets: Object.values(stdioEnv) };
  }

  #openPool(server: GovernedServer, program: ChildProgram): StdioPool {
    const { reaper, clock, log } = this.#parts;
    return new StdioPool(program, { reaper, clock, log, limits: this.#limits, slug: server.config.slug, noise: this.noise, makeRoom: () => this.#makeRoom() });
  }

  #drain(serverId: string): void {
    const known = this.#pools.get(serverId);
    if (known === undefined) return;
    this.#pools.delete(serverId);
    this.#draining.add(known.pool);
    known.pool.drain();
  }

  #makeRoom(): boolean {
    if (!this.#hasStarted) this.#parts.log.info('STDIO servers run under the user id of this gateway');
    this.#hasStarted = true;
    const pools = [...this.#pools.values()].map(({ pool }) => pool);
    for (const pool of this.#draining) if (pool.size === 0) this.#draining.delete(pool);
    const running = [...pools, ...this.#draining].reduce((sum, pool) => sum + pool.size, 0);
    if (running < this.#limits.childrenMax) return true;
    const idle = pools.filter((pool) => pool.isIdle).sort((left, right) => left.lastUsedMillis - right.lastUsedMillis);
    idle[0]?.stopIdle();
    return idle.length > 0;
  }
}

function isSame(left: ChildProgram, right: ChildProgram): boolean {
  return JSON.stringify([left.command, left.args, left.environment]) === JSON.stringify([right.command, right.args, right.environment]);
}
