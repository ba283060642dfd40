/** Lets an answer pass as far as it is held for: asks for more before more goes on, and ends it where no limit has room. */
import { asRefusal, type Refusal } from '../shared/refusal.ts';
import type { AnswerAllowance } from './policies/answer-allowance.ts';
import type { AnswerHead, AnswerSink, UpstreamFlight } from './transports/transport.ts';

/** Something that the upstream said, and how many bytes of the answer it is. */
interface Delivery {
  readonly bytes: number;
  /** Answers false when the caller has no room for more. */
  readonly hand: () => boolean;
}

export class MeteredAnswer implements AnswerSink {
  readonly #sink: AnswerSink;
  readonly #allowance: AnswerAllowance;
  #flight: UpstreamFlight | undefined;
  #passedBytes = 0;
  /** In order, while more is being asked for. */
  #waiting: Delivery[] = [];
  #hasRoom = true;
  #isCut = false;

  constructor(sink: AnswerSink, allowance: AnswerAllowance) {
    this.#sink = sink;
    this.#allowance = allowance;
  }

  /** Ties the answer to the flight that feeds it. */
  follow(flight: UpstreamFlight): void {
    this.#flight = flight;
  }

  answer(head: AnswerHead, body: Buffer): void {
    // Nearly every answer is held for already.
    const isNext = !this.#isCut && this.#waiting.length === 0;
    if (isNext && body.length <= this.#allowance.outputBytes - this.#passedBytes) return this.#sink.answer(head, body);
    this.#pass(body.length, () => this.#sink.answer(head, body));
  }

  open(head: AnswerHead): void {
    this.#pass(0, () => this.#sink.open(head));
  }

  write(chunk: Buffer): boolean {
    return this.#deliver({ bytes: chunk.length, hand: () => this.#sink.write(chunk) });
  }

  end(): void {
    this.#pass(0, () => this.#sink.end());
  }

  fail(refusal: Refusal): void {
    this.#pass(0, () => this.#sink.fail(refusal));
  }

  #pass(bytes: number, hand: () => void): void {
    this.#deliver({
      bytes,
      hand: () => {
        hand();
        return true;
      },
    });
  }

  #deliver(delivery: Delivery): boolean {
    if (this.#isCut) return true;
    const isAsking = this.#waiting.length > 0;
    if (!isAsking && this.#isHeldFor(delivery)) return this.#hand(delivery);
    this.#waiting.push(delivery);
    if (!isAsking) void this.#askForMore();
    return false;
  }

  #isHeldFor({ bytes }: Delivery): boolean {
    return this.#passedBytes + bytes <= this.#allowance.outputBytes;
  }

  #hand({ bytes, hand }: Delivery): boolean {
    this.#passedBytes += bytes;
    return (this.#hasRoom = hand());
  }

  async #askForMore(): Promise<void> {
    try {
      for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
        if (!this.#isHeldFor(next)) await this.#allowance.grow(this.#passedBytes + next.bytes);
        this.#hand(next);
        this.#waiting.shift();
      }
      // A caller who has no room yet asks for more when there is.
      if (this.#hasRoom) this.#flight?.resume();
    } catch (error) {
      this.#isCut = true;
      this.#sink.fail(asRefusal(error));
      this.#flight?.cancel();
    }
  }
}
