/** `npm start` on a damaged data directory: one sentence that names the path and what to do, exit code 1, no stack, no process left. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, freePort, ROOT, startProgram, type Program } from '../support/processes.ts';

const run = promisify(execFile);

let parent: string;
/** What a first start has made; each test damages a copy. */
let whole: string;
let copies = 0;

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'turnpike-damaged-'));
  // The database of root runs as another account, which must be able to go through.
  await chmod(parent, 0o755);
  whole = join(parent, 'whole');
  const program = await start(whole);
  const isReady = () => program.output().includes('Development mode') || program.child.exitCode !== null;
  await eventually(() => (isReady() ? true : undefined), 'the welcome');
  if ((await program.stop('SIGINT')) !== 0) throw new Error(`the first start failed: ${program.output()}`);
}, 120_000);

afterAll(() => rm(parent, { recursive: true, force: true }));

async function start(dataDirectory: string): Promise<Program> {
  return startProgram(process.execPath, [join(ROOT, 'bin/turnpike.mjs'), 'start'], {
    TURNPIKE_DATA_DIR: dataDirectory,
    CONTROL_PLANE_PORT: String(await freePort()),
    DATA_PLANE_PORT: String(await freePort()),
  });
}

/** With the owners of the files, since the database's belong to another account when this runs as root. */
async function copyOfWhole(): Promise<string> {
  const copy = join(parent, `copy${++copies}`);
  await run('cp', ['-a', whole, copy]);
  return copy;
}

/** Expects a start to end as promised; answers its sentence. */
async function refusalOf(dataDirectory: string): Promise<string> {
  const program = await start(dataDirectory);
  const code = await program.stop('SIGCONT');
  const [sentence, ...more] = program
    .output()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('✔'));
  expect({ code, more }, program.output()).toEqual({ code: 1, more: [] });
  const { stdout: processes } = await run('ps', ['-eo', 'args']);
  expect(processes.split('\n').filter((line) => line.includes(dataDirectory))).toEqual([]);
  return sentence ?? '';
}

test.each<[string, (cluster: string) => Promise<void>, string]>([
  ['of another version', (cluster) => writeFile(join(cluster, 'PG_VERSION'), '17\n'), 'initialized by PostgreSQL version 17'],
  ['whose control file is zero', (cluster) => writeFile(join(cluster, 'global/pg_control'), Buffer.alloc(8192)), 'incompatible'],
  ['that starts and has lost its tables', (cluster) => rm(join(cluster, 'base/5'), { recursive: true }), 'base/5'],
])('a database %s is named, with the way back', async (_fault, damage, reason) => {
  const directory = await copyOfWhole();
  await damage(join(directory, 'pg'));
  const sentence = await refusalOf(directory);
  expect(sentence).toContain(`the embedded database in ${directory}/pg cannot be opened (`);
  expect(sentence).toContain(reason);
  expect(sentence).toMatch(/: restore it from a backup, or move it away to start with an empty one$/);
});

test('a secret key that was replaced by another is named, and with the old one back everything is as before', async () => {
  const directory = await copyOfWhole();
  const file = join(directory, 'secret.key');
  const old = await readFile(file, 'utf8');
  await writeFile(file, randomBytes(32).toString('base64'));
  expect(await refusalOf(directory)).toBe(
    `Turnpike cannot go on: the secret key of ${file} is not the one that the database in ${directory}/pg was made with, and nothing in there can be opened with it: put the old key back, or move the data directory away to start with an empty one`,
  );
  await writeFile(file, old);
  const program = await start(directory);
  const key = /^TURNPIKE_API_KEY=(.*)$/m.exec(await readFile(join(whole, 'demo.env'), 'utf8'))?.[1] ?? 'none';
  await eventually(() => (program.output().includes(`Key       ${key}`) || program.child.exitCode !== null ? true : undefined), 'the welcome');
  expect(await program.stop('SIGINT'), program.output()).toBe(0);
});

test.each<[string, (directory: string) => Promise<void>, (directory: string) => string]>([
  [
    'a secret key that is cut short',
    (directory) => writeFile(join(directory, 'secret.key'), 'c2hvcnQ='),
    (directory) => `${directory}/secret.key is damaged: restore it`,
  ],
  [
    'a token that is damaged',
    (directory) => writeFile(join(directory, 'data-plane-token'), 'x'),
    (directory) => `${directory}/data-plane-token is damaged: restore it`,
  ],
  [
    'an administrator’s token that is damaged',
    (directory) => writeFile(join(directory, 'admin-token'), 'x'),
    (directory) => `token in ${directory}/admin-token is refused (not signed in: the token is not of the form tpa_…): restore it`,
  ],
  [
    'something else where demo.env goes',
    async (directory) => {
      await rm(join(directory, 'demo.env'));
      await mkdir(join(directory, 'demo.env'));
    },
    (directory) => `${directory}/demo.env cannot be read by `,
  ],
])('%s is named, with what to do', async (_fault, damage, sentence) => {
  const directory = await copyOfWhole();
  await damage(directory);
  expect(await refusalOf(directory)).toContain(sentence(directory));
});

test('a file in place of the data directory is named, and left as it is', async () => {
  const file = join(parent, 'file');
  await cp(join(ROOT, 'package.json'), file);
  expect(await refusalOf(file)).toContain(`the data directory ${file} cannot be written by `);
  expect(await readFile(file, 'utf8')).toBe(await readFile(join(ROOT, 'package.json'), 'utf8'));
});
