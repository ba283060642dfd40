/** Keeps what a run has started and written, and clears it away at its end, also when it is interrupted. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Program } from '../support/processes.ts';

export class Stage {
  readonly #path = mkdtempSync(join(tmpdir(), 'turnpike-bench-'));
  readonly #programs: Program[] = [];

  constructor() {
    // The worker of an nginx that root starts is somebody else, who has to get at its own directory.
    chmodSync(this.#path, 0o755);
  }

  /** A directory of that name, made if it is not there. */
  directory(name: string): string {
    const path = join(this.#path, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Takes charge of a program, and hands it back. */
  add(program: Program): Program {
    this.#programs.push(program);
    return program;
  }

  /** Does the work, then stops every program before those that it needs. */
  async run(work: () => Promise<void>): Promise<void> {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void this.#clear().finally(() => process.exit(1)));
    try {
      await work();
    } finally {
      await this.#clear();
    }
  }

  async #clear(): Promise<void> {
    for (const program of this.#programs.toReversed()) await program.stop();
    rmSync(this.#path, { recursive: true, force: true, maxRetries: 3 });
  }
}
