/** The life of a program: starts it, ends it in the reverse order at the first signal, and at once at the second. */

/** Ends what a program holds. `end` is the orderly way; `kill` is for a process of its own that must not stay when there is no time. */
export interface Ending {
  end(): Promise<void>;
  kill?(): void;
}

/** npm, a terminal and the wrapper of an older Node each pass the same Ctrl-C on: what comes within this time is one request. */
const SAME_REQUEST_MILLIS = 500;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Thrown by a start that was told to stop before it was done. */
export class StartStopped extends Error {}

export class Lifetime {
  readonly #endings: Ending[] = [];
  readonly #asked = new AbortController();

  /** Cuts short what a start waits for, with `StartStopped` as its reason. */
  get signal(): AbortSignal {
    return this.#asked.signal;
  }

  /** Adds a part that was just started. Throws `StartStopped` when the program has been asked to end meanwhile. */
  add(ending: Ending): void {
    this.#endings.push(ending);
    this.signal.throwIfAborted();
  }

  askToEnd(): void {
    this.#asked.abort(new StartStopped('stopped while it was starting'));
  }

  untilAsked(): Promise<void> {
    return new Promise((resolve) => {
      if (this.signal.aborted) return resolve();
      this.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** Ends every part, last first, whatever the others do; answers what went wrong. */
  async end(): Promise<unknown[]> {
    const failures: unknown[] = [];
    for (let ending = this.#endings.at(-1); ending !== undefined; ending = this.#endings.at(-1)) {
      try {
        await ending.end();
      } catch (error) {
        failures.push(error);
      }
      // Only now: one that takes too long can still be killed.
      this.#endings.splice(this.#endings.lastIndexOf(ending), 1);
    }
    return failures;
  }

  kill(): void {
    for (const ending of this.#endings.toReversed()) ending.kill?.();
  }
}

/** Runs a program until a signal, and ends this process: 0 when it was told to, 1 when it failed. `explain` writes the reason. */
export async function live(start: (lifetime: Lifetime) => Promise<void>, explain: (error: unknown) => void): Promise<never> {
  const lifetime = new Lifetime();
  obeySignals(lifetime);
  process.once('uncaughtException', (error) => {
    explain(error);
    lifetime.kill();
    process.exit(1);
  });
  const failures: unknown[] = [];
  try {
    await start(lifetime);
    await lifetime.untilAsked();
  } catch (error) {
    if (!isStop(error)) failures.push(error);
  }
  failures.push(...(await lifetime.end()));
  failures.forEach(explain);
  process.exit(failures.length === 0 ? 0 : 1);
}

/** A wait that was cut short rejects with an error of its own, which names ours as its cause. */
function isStop(error: unknown): boolean {
  return error instanceof StartStopped || (error instanceof Error && error.cause instanceof StartStopped);
}

function obeySignals(lifetime: Lifetime): void {
  let firstMillis: number | undefined;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      firstMillis ??= performance.now();
      if (performance.now() - firstMillis < SAME_REQUEST_MILLIS) return lifetime.askToEnd();
      lifetime.kill();
      process.exit(1);
    });
  }
}
