/** A program ends what it has started, in the reverse order, whatever happens on the way. */
import { once } from 'node:events';
import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Lifetime, StartStopped } from '../../bin/lifetime.ts';
import { eventually, ROOT, startProgram, type Program } from '../support/processes.ts';

test('the last that was started ends first, and one that fails does not keep the others', async () => {
  const [lifetime, ended]: [Lifetime, string[]] = [new Lifetime(), []];
  lifetime.add({ end: async () => void ended.push('first') });
  lifetime.add({ end: () => Promise.reject(new Error('stuck')) });
  lifetime.add({ end: async () => void ended.push('last') });
  expect(await lifetime.end()).toEqual([new Error('stuck')]);
  expect(ended).toEqual(['last', 'first']);
  expect(await lifetime.end()).toEqual([]);
});

test('what starts after the program was told to end is ended with the rest, and the start stops there', async () => {
  const [lifetime, ended]: [Lifetime, string[]] = [new Lifetime(), []];
  lifetime.askToEnd();
  await lifetime.untilAsked();
  expect(() => lifetime.add({ end: async () => void ended.push('late') })).toThrow(StartStopped);
  await lifetime.end();
  expect(ended).toEqual(['late']);
});

test('what a start waits for is cut short by the signal', async () => {
  const lifetime = new Lifetime();
  const told = once(lifetime.signal, 'abort');
  lifetime.askToEnd();
  await told;
  expect(lifetime.signal.reason).toBeInstanceOf(StartStopped);
});

test('a part that ends too slowly can still be killed, and one that has ended is not', async () => {
  const [lifetime, killed]: [Lifetime, string[]] = [new Lifetime(), []];
  lifetime.add({ end: () => new Promise(() => undefined), kill: () => void killed.push('slow') });
  lifetime.add({ end: () => Promise.resolve(), kill: () => void killed.push('quick') });
  void lifetime.end();
  await eventually(() => {
    killed.length = 0;
    lifetime.kill();
    return killed.join() === 'slow' ? true : undefined;
  }, 'the end of the quick one');
});

/** A program of one line, whose start is `body`; it writes `up` when it may be signalled. */
async function program(body: string): Promise<Program> {
  const directory = await mkdtemp(join(tmpdir(), 'turnpike-life-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'program.mts');
  await writeFile(
    file,
    `import { setTimeout as wait } from 'node:timers/promises';
     import { live } from '${join(ROOT, 'bin/lifetime.ts')}';
     const say = (text: string) => void process.stdout.write(text + '\\n');
     await live(async (lifetime) => { ${body} }, (error) => say('failed with ' + String(error)));`,
  );
  const started = startProgram(process.execPath, ['--import', 'tsx', file], {});
  onTestFinished(async () => void (await started.stop('SIGKILL')));
  return started;
}

async function isUp(started: Program): Promise<void> {
  await eventually(() => (started.output().includes('up') ? true : undefined), 'the start');
}

test('told to end by a signal, a program ends its parts and exits 0', async () => {
  const started = await program(`lifetime.add({ end: async () => say('ended') }); say('up'); setInterval(() => undefined, 1000);`);
  await isUp(started);
  expect(await started.stop('SIGTERM')).toBe(0);
  expect(started.output()).toBe('up\nended\n');
});

test('a start that only waits obeys the first signal', async () => {
  const started = await program(`lifetime.add({ end: async () => say('ended') }); say('up'); await wait(600_000, undefined, { signal: lifetime.signal });`);
  await isUp(started);
  expect(await started.stop('SIGINT')).toBe(0);
  expect(started.output()).toBe('up\nended\n');
});

test('a start that fails ends what it had started, says why, and exits 1', async () => {
  const started = await program(`lifetime.add({ end: async () => say('ended') }); throw new Error('no luck');`);
  expect(await started.stop('SIGCONT')).toBe(1);
  expect(started.output()).toBe('ended\nfailed with Error: no luck\n');
});

test('an error that nobody caught kills the parts and exits 1', async () => {
  const started = await program(`lifetime.add({ end: async () => say('ended'), kill: () => say('killed') }); void Promise.reject(new Error('lost'));`);
  expect(await started.stop('SIGCONT')).toBe(1);
  expect(started.output()).toBe('failed with Error: lost\nkilled\n');
});
