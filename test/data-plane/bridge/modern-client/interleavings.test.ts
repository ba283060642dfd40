/** However calls, questions, restarts of the server and leaving callers interleave: each caller is answered once, and with what is its own. */
import { deepEqual, equal } from 'node:assert/strict';
import { array, assert, asyncProperty, constantFrom, nat, record } from 'fast-check';
import { afterEach, beforeEach, test, vi } from 'vitest';
import { z } from 'zod';
import type { UpstreamFlight } from '../../../../data-plane/transports/transport.ts';
import { Refusal } from '../../../../shared/refusal.ts';
import { CAPABLE, modern, startBridge } from '../../../support/modern-bridge.ts';
import type { Heard } from '../../../support/scripted-transport.ts';
import type { KeepingSink } from '../../../support/stdio-caller.ts';

const FORGOTTEN = '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}';
/** Longer than the breath in which questions are gathered, and shorter than anybody's patience. */
const STEP_MILLIS = 30;
const RUNS = 300;

/** One caller and its one call, which is told from others by its number alone: all count their ids and progress tokens from 1. */
interface Caller {
  readonly number: number;
  /** Also the id and the progress token of its present request. */
  round: number;
  sink: KeepingSink;
  flight: UpstreamFlight;
  state: 'waiting' | 'away' | 'done' | 'left';
  /** What brings it back. */
  answers: string;
}

const EVENTS = ['call', 'ask', 'tell', 'answer', 'comeBack', 'leave', 'restart', 'retire'] as const;
const eventArbitrary = record({ kind: constantFrom(...EVENTS), which: nat(7), turns: nat(40) });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

class Play {
  readonly callers: Caller[] = [];
  /** By the ids of questions, the number of the caller whom the server meant. */
  readonly #asked = new Map<string, number>();
  readonly #ended = new Set<Heard>();
  readonly #forgotten = new Set<string>();
  readonly #parts = startBridge((heard) => this.#hear(heard));

  get server() {
    return this.#parts.server;
  }

  /** Resolves when everybody has done what follows from the event, or while they are at it: after so many turns of the queue. */
  async step(kind: (typeof EVENTS)[number], which: number, turns = 0): Promise<void> {
    this.#play(kind, which);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    if (turns % 2 === 0) await vi.advanceTimersByTimeAsync(STEP_MILLIS);
    await Promise.all(this.callers.map((caller) => this.#look(caller)));
  }

  /** The server answers whatever is open, and callers come back, until nobody waits. */
  async finish(): Promise<void> {
    for (let turn = 0; turn < 50 && this.callers.some(({ state }) => state === 'waiting' || state === 'away'); turn++) {
      await this.step('answer', 0);
      await this.step('comeBack', 0);
    }
    await this.step('retire', 0);
  }

  #hear(heard: Heard): void {
    if (this.#forgotten.has(heard.request.upstreamSessionId ?? '')) heard.json(404, FORGOTTEN);
    else if (heard.request.httpMethod === 'GET') heard.open();
  }

  #play(kind: (typeof EVENTS)[number], which: number): void {
    const working = this.#working('tools/call');
    const heard = working[which % working.length];
    switch (kind) {
      case 'call':
        return this.#call();
      case 'ask':
        return heard === undefined ? undefined : this.#ask(heard);
      case 'tell':
        return heard?.say({
          method: 'notifications/progress',
          params: { progressToken: heard.message.params?.['_meta']?.progressToken, progress: numberIn(heard) },
        });
      case 'answer':
        return heard?.result(`{"content":[],"number":${numberIn(heard)}}`);
      case 'comeBack':
        return this.#comeBack(this.#anyOf('away', which));
      case 'leave':
        return this.#leave(this.#anyOf('waiting', which));
      case 'restart':
        return this.#restart();
      case 'retire':
        return this.#parts.bridge.retire('srv_1');
    }
  }

  #call(): void {
    const number = this.callers.length;
    this.callers.push({ number, round: 1, ...this.#send(number, 1, ''), state: 'waiting', answers: '' });
  }

  #send(number: number, round: number, answers: string): { sink: KeepingSink; flight: UpstreamFlight } {
    const params = `"name":"book","arguments":{"number":${number}}${answers}`;
    return this.#parts.send(modern('tools/call', { id: String(round), params, meta: `"progressToken":${round}`, capabilities: CAPABLE }), {
      apiKeyId: `key_${number % 2}`,
    });
  }

  #ask(heard: Heard): void {
    const id = `question ${this.#asked.size}`;
    this.#asked.set(id, numberIn(heard));
    heard.say({ id, method: 'elicitation/create', params: { message: String(numberIn(heard)) } });
  }

  #comeBack(caller: Caller | undefined): void {
    if (caller === undefined) return;
    const round = caller.round + 1;
    Object.assign(caller, { round, ...this.#send(caller.number, round, caller.answers), state: 'waiting' });
  }

  #leave(caller: Caller | undefined): void {
    if (caller === undefined) return;
    caller.state = 'left';
    caller.flight.cancel();
  }

  /** Streams break, and sessions are known no longer. */
  #restart(): void {
    for (const { request } of this.server.heard) if (request.upstreamSessionId !== undefined) this.#forgotten.add(request.upstreamSessionId);
    for (const heard of [...this.#working('tools/call'), ...this.#working('GET')]) {
      this.#ended.add(heard);
      heard.sink.fail(new Refusal('upstream_error', 'connection_lost'));
    }
  }

  #working(method: string): Heard[] {
    return this.server.of(method).filter((heard) => !heard.isOver && !heard.isCancelled && !this.#ended.has(heard));
  }

  #anyOf(state: Caller['state'], which: number): Caller | undefined {
    const some = this.callers.filter((caller) => caller.state === state);
    return some[which % some.length];
  }

  /** Reads what a caller has got, which must be its own. */
  async #look(caller: Caller): Promise<void> {
    const { sink, number, round } = caller;
    for (const { method, params } of messagesIn(sink.text))
      if (method === 'notifications/progress') deepEqual(params, { progressToken: round, progress: number });
    if (caller.state === 'left') equal(sink.endings, 0);
    if (caller.state !== 'waiting' || sink.endings === 0) return;
    caller.state = 'done';
    const received = await sink.received;
    if (received.kind === 'failure') return;
    const { id, result } = received.kind === 'answer' ? messageSchema.parse(JSON.parse(received.text)) : (messagesIn(received.text).at(-1) ?? {});
    equal(id, round);
    // A session that is forgotten twice is told of.
    if (result === undefined) return;
    if (result.resultType !== 'input_required') return equal(result.number, number);
    const asked = Object.entries(result.inputRequests ?? {});
    for (const [, question] of asked) equal(question.params.message, String(number));
    const responses = asked.map(([name]) => `${JSON.stringify(name)}:{"number":${number}}`);
    caller.answers = `,"inputResponses":{${responses.join(',')}},"requestState":${JSON.stringify(result.requestState)}`;
    caller.state = 'away';
  }

  /** What has come of the server's questions and sessions, once nobody waits. */
  expectNothingLeft(): void {
    deepEqual(
      this.callers.filter(({ state }) => state !== 'done' && state !== 'left'),
      [],
    );
    const replies = this.server.of('POST').map(({ text }) => replySchema.parse(JSON.parse(text)));
    equal(new Set(replies.map(({ id }) => id)).size, replies.length);
    for (const { id, result } of replies) if (result !== undefined) equal(result.number, this.#asked.get(id));
    const ended = new Set(this.server.of('DELETE').map(({ request }) => request.upstreamSessionId));
    const opened = this.server.of('notifications/initialized').map(({ request }) => request.upstreamSessionId ?? '');
    deepEqual(
      opened.filter((session) => !ended.has(session) && !this.#forgotten.has(session)),
      [],
    );
  }
}

const messageSchema = z.object({
  id: z.number().optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
  result: z
    .object({
      resultType: z.string(),
      number: z.number().optional(),
      inputRequests: z.record(z.string(), z.object({ params: z.object({ message: z.string() }) })).optional(),
      requestState: z.string().optional(),
    })
    .optional(),
});
const replySchema = z.object({ id: z.string(), result: z.object({ number: z.number() }).optional() });

function messagesIn(events: string): z.infer<typeof messageSchema>[] {
  return [...events.matchAll(/data: (.+)\n\n/g)].map(([, data]) => messageSchema.parse(JSON.parse(data ?? '')));
}

function numberIn({ text }: Heard): number {
  return Number(/"number":(\d+)/.exec(text)?.[1]);
}

test('each caller is answered once, with its own answer, and nothing is left of a call', async () => {
  await assert(
    asyncProperty(array(eventArbitrary, { minLength: 5, maxLength: 40 }), async (events) => {
      const play = new Play();
      for (const { kind, which, turns } of events) await play.step(kind, which, turns);
      await play.finish();
      play.expectNothingLeft();
    }),
    { numRuns: RUNS },
  );
});
