/** Secrets of the standalone mode: made once, kept, for their owner alone; what is damaged is named and never replaced in silence. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { dataPlaneTokenOf, readSecret, secretKeyOf, writeSecret } from '../../bin/secret-files.ts';
import { hasValidChecksum, mintToken, readToken } from '../../shared/token.ts';

const KEY = Buffer.alloc(32, 'random').toString('base64');

async function dataDirectory(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'turnpike-secrets-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  return directory;
}

async function modeOf(file: string): Promise<number> {
  return (await stat(file)).mode & 0o777;
}

test('the secret key is made at the first start, of 32 bytes, for its owner alone, and is the same afterwards', async () => {
  const directory = await dataDirectory();
  const first = await secretKeyOf(directory, undefined);
  expect(Buffer.from(first.text, 'base64')).toHaveLength(32);
  expect(first.place).toBe(join(directory, 'secret.key'));
  expect(await modeOf(first.place)).toBe(0o600);
  expect(await secretKeyOf(directory, undefined)).toEqual(first);
  expect((await secretKeyOf(await dataDirectory(), undefined)).text).not.toBe(first.text);
});

test('the operator’s key is taken as it is, and no file is made', async () => {
  const directory = await dataDirectory({ 'secret.key': 'damaged' });
  expect(await secretKeyOf(directory, KEY)).toEqual({ text: KEY, place: 'TURNPIKE_SECRET_KEY' });
  await expect(secretKeyOf(directory, 'c2hvcnQ=')).rejects.toThrow(/^TURNPIKE_SECRET_KEY must be at least 32 random bytes/);
  expect(await readdir(directory)).toEqual(['secret.key']);
});

test.each(['c2hvcnQ=', '!', 'A'.repeat(44)])('a key file that holds %s is damaged, is named, and is left as it is', async (text) => {
  const directory = await dataDirectory({ 'secret.key': text });
  await expect(secretKeyOf(directory, undefined)).rejects.toThrow(`${join(directory, 'secret.key')} is damaged: restore it, or set TURNPIKE_SECRET_KEY`);
  await expect(secretKeyOf(directory, undefined)).rejects.not.toThrow(text);
  expect(await readFile(join(directory, 'secret.key'), 'utf8')).toBe(text);
});

test.each(['admin-token', 'data-plane-token', 'pg'])('beside %s no new key is made: nothing could be opened with it', async (name) => {
  const directory = await dataDirectory({ [name]: 'made with the key that is gone' });
  await expect(secretKeyOf(directory, undefined)).rejects.toThrow(/secret\.key is gone, .*: restore it, or set TURNPIKE_SECRET_KEY/);
  expect(await readdir(directory)).toEqual([name]);
});

test('the data-plane token is made once, for its owner alone, and the operator’s is taken in its place', async () => {
  const directory = await dataDirectory();
  const first = await dataPlaneTokenOf(directory, undefined);
  expect([readToken(first).kind, hasValidChecksum(first)]).toEqual(['dataPlaneToken', true]);
  expect(await modeOf(join(directory, 'data-plane-token'))).toBe(0o600);
  expect(await dataPlaneTokenOf(directory, undefined)).toBe(first);
  expect(await dataPlaneTokenOf(directory, 'the operator’s')).toBe('the operator’s');
});

test.each(['hello', mintToken('apiKey').token, `${mintToken('dataPlaneToken').token.slice(0, -1)}!`])('a token file that holds %s is damaged', async (text) => {
  const directory = await dataDirectory({ 'data-plane-token': text });
  await expect(dataPlaneTokenOf(directory, undefined)).rejects.toThrow(`${join(directory, 'data-plane-token')} is damaged`);
});

test('what is written is read back, an empty file is like none, and a new one has the mode of a secret whatever the old one had', async () => {
  const file = join(await dataDirectory({ secret: '' }), 'secret');
  await chmod(file, 0o644);
  expect(await readSecret(file)).toBeUndefined();
  expect(await writeSecret(file, 'text')).toBe('text');
  expect([await readSecret(file), await modeOf(file)]).toEqual(['text', 0o600]);
  expect(await readSecret(`${file}-none`)).toBeUndefined();
});

test('what cannot be read or written is one sentence with its path, and no half of a secret is left', async () => {
  const directory = await dataDirectory();
  const file = join(directory, 'secret');
  await mkdir(join(file, 'in the way'), { recursive: true });
  await expect(readSecret(file)).rejects.toThrow(/\/secret cannot be read by \S+ \(EISDIR\): [^\n]+$/);
  await expect(writeSecret(file, 'canary')).rejects.toThrow(/\/secret cannot be written by \S+ \(\w+\): [^\n]+$/);
  expect(await readdir(directory)).toEqual(['secret']);
});
