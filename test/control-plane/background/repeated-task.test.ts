/** A repeated task goes on after a failure, tells of it once, and ends with its round. */
import { expect, test } from 'vitest';
import { RepeatedTask } from '../../../control-plane/background/repeated-task.ts';
import { recordingLog } from '../../support/recording-log.ts';

const COMPLAINT = 'the work cannot be done now';

/** A task whose rounds the test lets end, one by one, in the way it says. */
function stepped() {
  const { log, lines } = recordingLog();
  const rounds: PromiseWithResolvers<void>[] = [];
  const begun: PromiseWithResolvers<void>[] = [Promise.withResolvers<void>()];
  const task = new RepeatedTask({ pauseMillis: 1, log, complaint: COMPLAINT }, () => {
    const round = Promise.withResolvers<void>();
    rounds.push(round);
    begun.at(-1)?.resolve();
    begun.push(Promise.withResolvers<void>());
    return round.promise;
  });
  return { task, lines, begun: (index: number) => begun[index]?.promise, round: (index: number) => rounds[index], rounds };
}

test('a failure is told once, and again only after a round that worked', async () => {
  const { task, lines, begun, round } = stepped();
  const endings = [new Error('first'), new Error('second'), undefined, new Error('third')];
  for (const [index, error] of endings.entries()) {
    await begun(index);
    if (error === undefined) round(index)?.resolve();
    else round(index)?.reject(error);
  }
  await begun(endings.length);
  round(endings.length)?.resolve();
  await task.close();
  expect(lines.filter((line) => line.includes(COMPLAINT))).toHaveLength(2);
});

test('closing waits for the round that is under way, and begins no other', async () => {
  const { task, begun, round, rounds } = stepped();
  await begun(0);
  let isClosed = false;
  const closing = task.close().then(() => (isClosed = true));
  await Promise.resolve();
  expect(isClosed).toBe(false);
  round(0)?.resolve();
  await closing;
  expect(rounds).toHaveLength(1);
});
