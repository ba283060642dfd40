/** An older Node is told what is needed, or hands over to the pinned one; nobody meets a syntax error. */
import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { isNewEnough, NODE_VERSION_MIN } from '../../bin/node-version.mjs';
import { ROOT, startProgram } from '../support/processes.ts';

const VERSION = fc.tuple(fc.nat({ max: 30 }), fc.nat({ max: 30 }), fc.nat({ max: 30 }));

test.each([
  ['24.7.0', true],
  ['24.21.1', true],
  ['26.0.0', true],
  ['100.0.0', true],
  ['24.6.9', false],
  ['22.21.0', false],
  ['20.20.2', false],
  ['9.99.99', false],
])('%s: %s', (version, isEnough) => {
  expect(isNewEnough(version)).toBe(isEnough);
});

test('versions are compared as numbers, part by part', () => {
  const rank = ([major, minor, patch]: readonly number[]) => (major ?? 0) * 10_000 + (minor ?? 0) * 100 + (patch ?? 0);
  fc.assert(fc.property(VERSION, VERSION, (one, other) => isNewEnough(one.join('.'), other.join('.')) === rank(one) >= rank(other)));
});

/** The start script in a directory of its own, beside no packages or a pinned Node that tells what it is asked to run. */
async function aside(pinned?: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'turnpike-node-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await mkdir(join(directory, 'bin'));
  for (const file of ['turnpike.mjs', 'node-version.mjs']) await cp(join(ROOT, 'bin', file), join(directory, 'bin', file));
  // As an older Node sees itself; the file is no module, and so is loaded before anything is checked.
  await writeFile(join(directory, 'older.cjs'), `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.19.0' } });`);
  if (pinned === undefined) return directory;
  const home = join(directory, 'node_modules', `node-${process.platform}-${process.arch}`);
  await mkdir(join(home, 'bin'), { recursive: true });
  await writeFile(join(home, 'package.json'), '{}');
  await writeFile(join(home, 'bin', 'node'), pinned, { mode: 0o755 });
  return directory;
}

function startOld(directory: string, args: readonly string[] = []) {
  return startProgram(process.execPath, ['--require', join(directory, 'older.cjs'), join(directory, 'bin/turnpike.mjs'), ...args], {}, { directory });
}

test('without a pinned Node it is one sentence with both versions, and exit code 1', async () => {
  const program = startOld(await aside());
  expect(await program.stop('SIGCONT')).toBe(1);
  expect(program.output()).toBe(`Turnpike needs Node ${NODE_VERSION_MIN} or later, and this is 20.19.0.\n`);
});

test('the pinned Node runs the same command, and its exit code is the answer', async () => {
  const directory = await aside('#!/bin/sh\necho "$@"\nexit 7\n');
  const program = startOld(directory, ['token', 'data-plane']);
  expect(await program.stop('SIGCONT')).toBe(7);
  expect(program.output()).toBe(`${join(directory, 'bin/turnpike.mjs')} token data-plane\n`);
});

test('a pinned Node that cannot be started is named', async () => {
  const program = startOld(await aside('#!/no/such/interpreter\n'));
  expect(await program.stop('SIGCONT')).toBe(1);
  expect(program.output()).toMatch(/^Turnpike needs Node .* or later; .*\/bin\/node could not be started: [^\n]+\n$/);
});

const olderNode = olderNodeOfThisMachine();

test.runIf(olderNode !== undefined)('the older Node of this machine, where there is one, reads the script as far as the sentence', async () => {
  const directory = await aside();
  const program = startProgram(olderNode ?? '', [join(directory, 'bin/turnpike.mjs')], {});
  expect(await program.stop('SIGCONT')).toBe(1);
  expect(program.output()).toMatch(/^Turnpike needs Node \S+ or later, and this is \S+\.\n$/);
});

function olderNodeOfThisMachine(): string | undefined {
  const found = execFileSync('sh', ['-c', 'which -a node || true'], { encoding: 'utf8' }).split('\n').filter(Boolean);
  return found.find((node) => !isNewEnough(execFileSync(node, ['--version'], { encoding: 'utf8' }).trim().slice(1)));
}
