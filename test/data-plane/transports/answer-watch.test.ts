/** The one look at all answers: whatever begins and ends in whatever order, each that is under way is looked at once, and nothing else. */
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { AnswerWatch, type Watched } from '../../../data-plane/transports/answer-watch.ts';

class Answer implements Watched {
  place = -1;
  looks = 0;
  readonly #onLook: () => void;

  constructor(onLook: () => void = () => undefined) {
    this.#onLook = onLook;
  }

  look(): void {
    this.looks++;
    this.#onLook();
  }
}

/** The watch looks every 50 ms, once the process has read what came meanwhile. */
const LOOK_MILLIS = 51;

test('each that is under way is looked at, once a look, and none that has ended', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setImmediate', 'clearImmediate'] });
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), fc.nat()), { maxLength: 60 }), async (steps) => {
        const watch = new AnswerWatch();
        const all: Answer[] = [];
        const underWay: Answer[] = [];
        for (const [begins, choice] of steps) {
          if (begins || underWay.length === 0) {
            const answer = new Answer();
            all.push(answer);
            underWay.push(answer);
            watch.begin(answer);
          } else {
            const [ended] = underWay.splice(choice % underWay.length, 1);
            if (ended !== undefined) watch.end(ended);
          }
        }
        await vi.advanceTimersByTimeAsync(LOOK_MILLIS);
        expect(all.map(({ looks }) => looks)).toEqual(all.map((answer) => (underWay.includes(answer) ? 1 : 0)));
        watch.close();
      }),
    );
  } finally {
    vi.useRealTimers();
  }
});

test('one that ends at the look costs no other its own', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setImmediate', 'clearImmediate'] });
  try {
    const watch = new AnswerWatch();
    const answers = Array.from({ length: 5 }, (_, index) => {
      const answer: Answer = new Answer(() => {
        if (index % 2 === 0) watch.end(answer);
      });
      return answer;
    });
    for (const answer of answers) watch.begin(answer);
    await vi.advanceTimersByTimeAsync(LOOK_MILLIS);
    await vi.advanceTimersByTimeAsync(LOOK_MILLIS);
    expect(answers.map(({ looks }) => looks)).toEqual([1, 2, 1, 2, 1]);
    watch.close();
  } finally {
    vi.useRealTimers();
  }
});
