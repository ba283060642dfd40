/** Notices answers that take too long: one look at all of them, now and then, where timers of its own would cost every call. */

const LOOK_MILLIS = 50;

/** What is under way. */
export interface Watched {
  /** Where the watch keeps it; set by the watch alone. */
  place: number;
  /** Asked again and again; `nowMillis` by `performance.now()`. What has come to the process by then has been read. */
  look(nowMillis: number): void;
}

export class AnswerWatch {
  readonly #watched: Watched[] = [];
  #timer: NodeJS.Timeout | undefined;

  begin(watched: Watched): void {
    watched.place = this.#watched.push(watched) - 1;
    this.#timer ??= setInterval(() => this.#lookSoon(), LOOK_MILLIS).unref();
  }

  /** The last one takes its place, so that neither costs more with many under way. */
  end(watched: Watched): void {
    const last = this.#watched.pop();
    if (last === undefined || last === watched) return;
    this.#watched[watched.place] = last;
    last.place = watched.place;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** After a while in which this process was kept from reading, timers come first: what has come meanwhile is read before anybody is taken for silent. */
  #lookSoon(): void {
    if (this.#watched.length > 0) setImmediate(() => this.#look());
  }

  /** Whoever ends at the look makes room for one that has been looked at already. */
  #look(): void {
    const now = performance.now();
    for (let place = this.#watched.length - 1; place >= 0; place--) this.#watched[place]?.look(now);
  }
}
