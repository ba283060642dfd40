/** Sees to it that the processes which are to run before anybody calls do run, and run again when they have ended. */
import type { Logger } from 'pino';
import { Refusal } from '../../shared/refusal.ts';
import type { GovernedServer } from '../config/governed-server.ts';

export interface WarmthParts {
  readonly checkMillis: number;
  readonly log: Logger;
  /** Starts what a server is to have and has not. Throws a refusal when it cannot be started. */
  readonly warm: (server: GovernedServer) => void;
}

export class StdioWarmth {
  readonly #parts: WarmthParts;
  #wanted: readonly GovernedServer[] = [];
  /** Of whose failure the log has been told; a server that changes is another one here. */
  readonly #failing = new WeakSet<GovernedServer>();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: WarmthParts) {
    this.#parts = parts;
  }

  /** All servers as they are configured at present; most want nothing. */
  keep(servers: Iterable<GovernedServer>): void {
    this.close();
    this.#wanted = [...servers].filter(wantsWarmth);
    if (this.#wanted.length === 0) return;
    // Looked at again and again: a process may die, and room for one comes when some other server's ends.
    this.#timer = setInterval(() => this.#check(), this.#parts.checkMillis).unref();
    this.#check();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    for (const server of this.#wanted) this.#warm(server);
  }

  #warm(server: GovernedServer): void {
    try {
      this.#parts.warm(server);
      this.#failing.delete(server);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#parts.log[this.#failing.has(server) ? 'debug' : 'warn']({ server: server.config.slug, why: error.message }, 'a STDIO server cannot be kept warm');
      this.#failing.add(server);
    }
  }
}

function wantsWarmth({ config, limits }: GovernedServer): boolean {
  return config.enabled && config.transport === 'STDIO' && config.stdioIsolation === 'SHARED' && limits.warmProcesses > 0;
}
