/** A connection to Redis that gives a command up after a while, but not for time in which this process itself was kept from reading. */
import { Redis, type Command } from 'ioredis';

const COMMAND_TIMEOUT_MILLIS = 250;
const TIMED_OUT = 'Command timed out';

/** Whether nobody knows what became of a command: it may have been applied. */
export function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === TIMED_OUT;
}

export class PatientRedis extends Redis {
  override sendCommand(...[command, ...rest]: Parameters<Redis['sendCommand']>): unknown {
    watch(command);
    return super.sendCommand(command, ...rest);
  }
}

function watch(command: Command): void {
  const timer = setTimeout(() => {
    // Timers come first when a process is at work again: what has come to the socket meanwhile is read before this.
    setImmediate(() => command.reject(new Error(TIMED_OUT)));
  }, COMMAND_TIMEOUT_MILLIS);
  const rest = (): void => clearTimeout(timer);
  command.promise.then(rest, rest);
}
