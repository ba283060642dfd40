/** A watched process group ends with its watcher, and a released one is left alone. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { startProcessReaper } from '../../../data-plane/transports/process-reaper.ts';
import { eventually } from '../../support/processes.ts';
import { isAlive, NODE } from '../../support/stdio-caller.ts';

function sleeper(): { child: ChildProcess; pid: number } {
  const child = spawn('/bin/sleep', ['1000'], { detached: true, stdio: 'ignore' });
  if (child.pid === undefined) throw new Error('no process');
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, pid: child.pid };
}

const REAPER_URL = new URL('../../../data-plane/transports/process-reaper.ts', import.meta.url).href;

/** A process that watches `pid` and tells the reaper's own process. */
async function watcher(pid: number): Promise<{ child: ChildProcess; shell: number }> {
  const program = `
    import { startProcessReaper } from ${JSON.stringify(REAPER_URL)};
    startProcessReaper().watch(${pid});
    process.stdout.write('watching');
    setInterval(() => undefined, 60_000);
  `;
  const child = spawn(NODE, ['--input-type=module-typescript', '--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return { child, shell: await eventually(() => shellOf(child.pid ?? 0), 'the shell') };
}

function shellOf(parent: number): Promise<number | undefined> {
  const ps = spawn('ps', ['-A', '-o', 'pid=,ppid=,args='], { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve) => {
    let text = '';
    ps.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    ps.stdout.on('end', () => {
      const row = text
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .find(([, ppid, ...args]) => Number(ppid) === parent && args.includes('turnpike-reaper'));
      resolve(row === undefined ? undefined : Number(row[0]));
    });
  });
}

test('close ends what is still watched and leaves what was released', async () => {
  const reaper = startProcessReaper();
  const [kept, released] = [sleeper(), sleeper()];
  reaper.watch(kept.pid);
  reaper.watch(released.pid);
  reaper.release(released.pid);
  const ended = once(kept.child, 'exit');
  await reaper.close();
  expect(await ended).toEqual([null, 'SIGKILL']);
  expect(isAlive(released.pid)).toBe(true);
});

test('a killed watcher takes its groups with it, and the shell goes too', async () => {
  const { child: sleeping, pid } = sleeper();
  const ended = once(sleeping, 'exit');
  const { child, shell } = await watcher(pid);
  child.kill('SIGKILL');
  expect(await ended).toEqual([null, 'SIGKILL']);
  await eventually(() => (isAlive(shell) ? undefined : true), 'the end of the shell');
});

test('signals that end a terminal’s programs do not end the shell before its watcher', async () => {
  const { child: sleeping, pid } = sleeper();
  const ended = once(sleeping, 'exit');
  const { child, shell } = await watcher(pid);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) process.kill(shell, signal);
  child.kill('SIGKILL');
  expect(await ended).toEqual([null, 'SIGKILL']);
});

test('a shell that is killed is replaced by one that knows the same groups', async () => {
  const { child: sleeping, pid } = sleeper();
  const ended = once(sleeping, 'exit');
  const { child, shell } = await watcher(pid);
  process.kill(shell, 'SIGKILL');
  await eventually(async () => {
    const next = await shellOf(child.pid ?? 0);
    return next === undefined || next === shell ? undefined : true;
  }, 'the next shell');
  child.kill('SIGKILL');
  expect(await ended).toEqual([null, 'SIGKILL']);
});

test('many groups come and go', async () => {
  const reaper = startProcessReaper();
  const sleepers = Array.from({ length: 20 }, sleeper);
  for (const { pid } of sleepers) reaper.watch(pid);
  for (const { pid } of sleepers.filter((_, index) => index % 2 === 0)) reaper.release(pid);
  await reaper.close();
  await eventually(() => (sleepers.every(({ pid }, index) => isAlive(pid) === (index % 2 === 0)) ? true : undefined), 'the end of every other');
});

test('a number that is no group of ours is refused', async () => {
  const reaper = startProcessReaper();
  for (const pid of [0, 1, -5, 1.5, Number.NaN]) expect(() => reaper.watch(pid)).toThrow(RangeError);
  await reaper.close();
});
