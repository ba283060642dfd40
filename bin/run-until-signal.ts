/** Runs a program until it is told to stop; the second signal does not wait any more. */

interface Running {
  close(): Promise<void>;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A start that fails is thrown to the caller. What is thrown later is a bug: it is told, and the process ends in order. */
export async function runUntilSignal(start: () => Promise<Running>): Promise<void> {
  const running = await start();
  let isEnding = false;
  const end = (exitCode: number) => {
    if (isEnding) process.exit(exitCode === 0 ? 130 : exitCode);
    isEnding = true;
    running.close().then(
      () => process.exit(exitCode),
      (error: unknown) => {
        process.stderr.write(`turnpike: could not end in order: ${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  for (const signal of SIGNALS) process.on(signal, () => end(0));
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      process.stderr.write(`turnpike: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      end(1);
    });
  }
}
