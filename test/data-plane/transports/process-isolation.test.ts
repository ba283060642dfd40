/** A child runs as whom and where the host allows, and ends as it would have ended otherwise. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createProcessIsolation, NO_ISOLATION, type ChildUser, type ProcessIsolation } from '../../../data-plane/transports/process-isolation.ts';
import { startProcessReaper } from '../../../data-plane/transports/process-reaper.ts';
import { STDIO_LIMITS } from '../../../data-plane/transports/stdio-limits.ts';
import { StdioProcess, type ChildEnding } from '../../../data-plane/transports/stdio-process.ts';
import { Refusal } from '../../../shared/refusal.ts';
import { eventually, ROOT } from '../../support/processes.ts';
import { NODE, openTransport, resultOf, stdioServer } from '../../support/stdio-caller.ts';
import { toolCall } from '../../support/rpc-call.ts';

const USER: ChildUser = { uid: 54_321, gid: 54_322 };
const IS_ROOT = process.getuid?.() === 0;
const NAMESPACE = 'one of its own for each';
const formsOfRoot = (): [string, ProcessIsolation][] => [
  ['a user of its own and a namespace, where there is one', createProcessIsolation(USER)],
  ['a user of its own alone', createProcessIsolation(USER, () => 'nobody asked')],
];
/** What this host allows, by name. */
const FORMS: [string, ProcessIsolation][] = [
  ['no isolation', NO_ISOLATION],
  ['a namespace, where there is one', createProcessIsolation(undefined)],
  ...(IS_ROOT ? formsOfRoot() : []),
];

describe.each(FORMS)('with %s', (_form, isolation) => {
  const hasNamespace = isolation.tell().processNamespace === NAMESPACE;

  test('a child is whom and sees what the log says', async () => {
    const child = run(isolation, 'id -u; id -g; id -G; echo "$HOME"; pwd; : > mine && echo wrote; ls -d /proc/[0-9]* | wc -l');
    await child.ended;
    const [uid, gid, groups, home, directory, wrote, processes] = child.lines;
    if (isolation.user !== undefined) {
      expect([uid, gid, groups]).toEqual([String(USER.uid), String(USER.gid), String(USER.gid)]);
      expect(home).toBe(directory);
    }
    expect(uid).toBe(String(isolation.user?.uid ?? process.getuid?.()));
    expect(wrote).toBe('wrote');
    // The first process, the child, and what it runs to see this.
    if (hasNamespace) expect(Number(processes)).toBeLessThanOrEqual(5);
    else expect(Number(processes)).toBeGreaterThan(5);
  });

  test('a child that ends by itself ends with its code, and what it wrote has been read', async () => {
    const child = run(isolation, 'echo one; echo two; exit 7');
    expect(await child.ended).toMatchObject({ exitCode: 7 });
    expect(child.lines).toEqual(['one', 'two']);
  });

  test('a child hears its input, the end of it, then SIGTERM', async () => {
    const child = run(
      isolation,
      'read -r line; echo "heard $line"; cat; echo input ended; trap "echo terminated; exit 3" TERM; echo waiting; while :; do sleep 0.01; done',
    );
    child.process.outbox.push(Buffer.from('a line\n'));
    await eventually(() => (child.lines.includes('heard a line') ? true : undefined), 'the line');
    const gone = child.process.stop();
    expect(await child.ended).toMatchObject({ exitCode: 3 });
    expect(child.lines).toEqual(['heard a line', 'input ended', 'waiting', 'terminated']);
    await gone;
  });

  test('a child that handles no signal is ended by SIGTERM, and one that ignores it by SIGKILL', async () => {
    const plain = run(isolation, 'echo ready; exec sleep 1000');
    const stubborn = run(isolation, 'trap "" TERM; echo ready; while :; do sleep 0.01; done');
    for (const child of [plain, stubborn]) {
      await eventually(() => (child.lines.includes('ready') ? true : undefined), 'the start');
      void child.process.stop();
    }
    const [byTerm, byKill] = [await plain.ended, await stubborn.ended];
    expect([byTerm.signal, byKill.signal]).toEqual(['SIGTERM', 'SIGKILL']);
    await Promise.all([plain.process.gone, stubborn.process.gone]);
  });

  test('a child that somebody else ends is told as ended by that signal', async () => {
    expect(await run(isolation, 'kill -s KILL $$').ended).toMatchObject({ signal: 'SIGKILL' });
    expect(await run(isolation, 'exit 255').ended).toMatchObject({ exitCode: 255 });
  });

  test('a child that closes its output, or its input, is ended', async () => {
    for (const closing of ['exec >&-', 'exec <&-']) {
      const child = run(isolation, `echo ready; ${closing}; while :; do sleep 0.01; done`);
      await eventually(() => (child.lines.includes('ready') ? true : undefined), 'the start');
      await eventually(() => {
        child.process.outbox.push(Buffer.from('{}\n'));
        return child.process.isEnding ? true : undefined;
      }, 'the end of its pipe being noticed');
      child.process.kill();
      await child.process.gone;
    }
  });

  test('a program that is not there is told at once', () => {
    expect(() => run(isolation, '', '/nowhere/program')).toThrow(Refusal);
  });
});

test.each([
  ['shared', ['sleeper in the group']],
  ['isolated', ['sleeper in the group', 'sleeper in a session of its own']],
])('nothing of a %s child is left after the gateway is killed with SIGKILL', async (form, gone) => {
  const isIsolated = form === 'isolated' && createProcessIsolation(undefined).tell().processNamespace === NAMESPACE;
  const seconds = String(1_000_000 + process.pid + (isIsolated ? 0.5 : 0.25));
  const gateway = spawn(NODE, [join(ROOT, 'test/support/isolated-victim.ts'), form, seconds], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    gateway.kill('SIGKILL');
    for (const { pid } of sleepersFor(seconds)) process.kill(pid, 'SIGKILL');
  });
  await once(gateway.stdout, 'data');
  await eventually(() => (sleepersFor(seconds).length === 2 ? true : undefined), 'both sleepers');
  gateway.kill('SIGKILL');
  const expected = isIsolated ? 2 - gone.length : 1;
  await eventually(() => (sleepersFor(seconds).length === expected ? true : undefined), 'the end of the sleepers');
});

test('the log says once what holds, and why not what does not', async () => {
  const lines: string[] = [];
  const isolation = createProcessIsolation(undefined);
  const transport = openTransport({ isolation, onLog: (line) => lines.push(line) });
  for (const secret of ['a', 'b']) await resultOf(transport, stdioServer({ FIXTURE_SECRET: secret }), toolCall('pid'));
  const told = lines.filter((line) => line.includes('how STDIO servers are kept apart'));
  expect(told).toHaveLength(1);
  expect(JSON.parse(told[0] ?? '')).toMatchObject({
    userId: 'that of the gateway, since TURNPIKE_STDIO_USER is not set',
    processNamespace: expect.stringMatching(/^(?:one of its own for each|that of the gateway, since .+)$/),
  });
});

test('another user is for root to give', () => {
  if (IS_ROOT) expect(createProcessIsolation(USER).tell().userId).toBe(`their own (${USER.uid})`);
  else expect(() => createProcessIsolation(USER)).toThrow('TURNPIKE_STDIO_USER');
});

/** Runs a shell script as a child. */
function run(isolation: ProcessIsolation, script: string, command = '/bin/sh') {
  const reaper = startProcessReaper();
  const lines: string[] = [];
  let end: (ending: ChildEnding) => void = () => undefined;
  const ended = new Promise<ChildEnding>((resolve) => (end = resolve));
  onTestFinished(() => reaper.close());
  const process = new StdioProcess(
    { command, args: ['-c', script], environment: { PATH: '/usr/bin:/bin' }, secrets: [] },
    { isolation, reaper, limits: STDIO_LIMITS, log: pino({ level: 'silent' }) },
    { onLine: (line) => void lines.push(line.toString()), onLineTooLong: () => undefined, onEnd: (ending) => end(ending) },
  );
  process.outbox.open();
  return { process, lines, ended };
}

function sleepersFor(seconds: string): { pid: number }[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,stat=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((row) => /^\s*(\d+)\s+(\S+)\s+sleep (\S+)$/.exec(row))
    .flatMap((row) => (row?.[3] === seconds && !row[2]?.startsWith('Z') ? [{ pid: Number(row[1]) }] : []));
}
