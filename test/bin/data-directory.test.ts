/** The data directory is made for its owner, held by one process, and named when it cannot be used. */
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { holdDataDirectory, prepareDataDirectory, shownPath } from '../../bin/data-directory.ts';

async function parent(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'turnpike-directory-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test('it is made with what lies above it, nobody else can list it, and the trial leaves nothing', async () => {
  const above = join(await parent(), 'above');
  const directory = join(above, 'data');
  expect(await prepareDataDirectory(directory)).toBe(directory);
  for (const made of [above, directory]) expect((await stat(made)).mode & 0o066).toBe(0);
  expect(await readdir(directory)).toEqual([]);
});

test('one that is there keeps its mode and its files', async () => {
  const directory = join(await parent(), 'data');
  await mkdir(directory, { mode: 0o755 });
  await writeFile(join(directory, 'kept'), '');
  await prepareDataDirectory(directory);
  expect((await stat(directory)).mode & 0o777).toBe(0o755);
  expect(await readdir(directory)).toEqual(['kept']);
});

test('a file in its place, and a place where nothing can be made, are named with what to do', async () => {
  const file = join(await parent(), 'file');
  await writeFile(file, '');
  const sentence = /^the data directory (\S+) cannot be written by \S+ \(\w+\): set TURNPIKE_DATA_DIR to one that can be$/;
  await expect(prepareDataDirectory(file)).rejects.toThrow(sentence);
  await expect(prepareDataDirectory(join(file, 'below'))).rejects.toThrow(sentence);
  await expect(prepareDataDirectory('/proc/turnpike/data')).rejects.toThrow(sentence);
});

test.each(['data', 'long'.repeat(40)])('it is held by one at a time, and free again afterwards: %s', async (name) => {
  const directory = await prepareDataDirectory(join(await parent(), name));
  const hold = await holdDataDirectory(directory);
  await expect(holdDataDirectory(directory)).rejects.toThrow(`the data directory ${directory} is in use by another Turnpike`);
  await hold.release();
  await (await holdDataDirectory(directory)).release();
});

test('a socket that a killed process has left does not hold it, and something else in its place is named', async () => {
  const directory = await prepareDataDirectory(join(await parent(), 'data'));
  await writeFile(join(directory, 'hold.sock'), '');
  await (await holdDataDirectory(directory)).release();
  await mkdir(join(directory, 'hold.sock'));
  await expect(holdDataDirectory(directory)).rejects.toThrow(/\/hold\.sock cannot be made by .*: move away what is in its place/);
});

test('a path is shown as short as it can be', () => {
  expect(shownPath('/home/me/turnpike/.turnpike/demo.env', '/home/me/turnpike')).toBe('.turnpike/demo.env');
  expect(shownPath('/data/demo.env', '/home/me/turnpike')).toBe('/data/demo.env');
});
