/** A connection to Redis that gives a command up after a while, but not for time in which this process itself was kept from reading. */
import { Redis, type Command } from 'ioredis';

/** One look at all commands, now and then, where timers of its own would cost every command. */
const LOOK_MILLIS = 25;
/** A quarter of a second, counted in looks: a process that is kept from looking is kept from reading as well. */
const LOOKS_MAX = 11;
const TIMED_OUT = 'Command timed out';

/** Whether nobody knows what became of a command: it may have been applied. */
export function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === TIMED_OUT;
}

export class PatientRedis extends Redis {
  /** In the order in which they were sent, which is that of their answers. */
  readonly #sent: Command[] = [];
  /** How often each of them was looked at. */
  readonly #looks: number[] = [];
  #timer: NodeJS.Timeout | undefined;

  override sendCommand(...[command, ...rest]: Parameters<Redis['sendCommand']>): unknown {
    while (this.#sent[0]?.isSettled === true) this.#forgetOldest();
    this.#sent.push(command);
    this.#looks.push(0);
    // What has come to the socket is read before the look, since timers come first when a process is at work again.
    this.#timer ??= setInterval(() => setImmediate(() => this.#look()), LOOK_MILLIS).unref();
    return super.sendCommand(command, ...rest);
  }

  #look(): void {
    for (const [index, looks] of this.#looks.entries()) this.#looks[index] = looks + 1;
    while (this.#sent[0]?.isSettled === true || (this.#looks[0] ?? 0) >= LOOKS_MAX) {
      this.#sent[0]?.reject(new Error(TIMED_OUT));
      this.#forgetOldest();
    }
    if (this.#sent.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #forgetOldest(): void {
    this.#sent.shift();
    this.#looks.shift();
  }
}
