/** `dist` is built when it is not there or older than the sources, and swapped in whole or not at all. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { ROOT } from '../support/processes.ts';

const run = promisify(execFile);
const LATER = new Date(Date.now() + 60_000);
/** A compiler that writes down how often it ran, and fails where a source says so. */
const COMPILER = `
  const { mkdirSync, writeFileSync, readFileSync, appendFileSync } = require('node:fs');
  const out = process.argv[process.argv.indexOf('--outDir') + 1];
  appendFileSync('runs', 'x');
  const source = readFileSync('bin/cli.ts', 'utf8');
  mkdirSync(out + '/bin', { recursive: true });
  writeFileSync(out + '/bin/cli.js', source);
  process.exit(source.includes('broken') ? 2 : 0);
`;

class Checkout {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async write(path: string, text: string, changedAt?: Date): Promise<void> {
    const file = join(this.#directory, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
    if (changedAt !== undefined) await utimes(file, changedAt, changedAt);
  }

  read(path: string): Promise<string> {
    return readFile(join(this.#directory, path), 'utf8');
  }

  remove(path: string): Promise<void> {
    return rm(join(this.#directory, path), { recursive: true, force: true });
  }

  /** What `ensureBuilt` answers, and what it says. */
  async ensureBuilt(): Promise<{ isBuilt: boolean; said: string }> {
    const script = `import { ensureBuilt } from '${join(this.#directory, 'bin/build.mjs')}'; process.stdout.write(String(await ensureBuilt()));`;
    const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: this.#directory });
    return { isBuilt: stdout === 'true', said: stderr };
  }

  /** Directories of builds: none may be left but `dist`. */
  async builds(): Promise<string[]> {
    return (await readdir(this.#directory)).filter((name) => name.startsWith('dist'));
  }
}

async function checkout(): Promise<Checkout> {
  const directory = await mkdtemp(join(tmpdir(), 'turnpike-build-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const made = new Checkout(directory);
  for (const folder of ['bin', 'control-plane', 'data-plane', 'shared']) await mkdir(join(directory, folder));
  await cp(join(ROOT, 'bin/build.mjs'), join(directory, 'bin/build.mjs'));
  await made.write('bin/cli.ts', 'first');
  await made.write('data-plane/counters/scripts/admit.lua', 'a script');
  await made.write('node_modules/typescript/package.json', '{}');
  await made.write('node_modules/typescript/bin/tsc', COMPILER);
  return made;
}

test('the first start builds, with what programs read beside their code, and the second does not', async () => {
  const sources = await checkout();
  expect(await sources.ensureBuilt()).toEqual({ isBuilt: true, said: 'Building Turnpike (once, a few seconds) …\n' });
  expect([await sources.read('dist/bin/cli.js'), await sources.read('dist/data-plane/counters/scripts/admit.lua')]).toEqual(['first', 'a script']);
  expect(await sources.ensureBuilt()).toEqual({ isBuilt: true, said: '' });
  expect([await sources.read('runs'), await sources.builds()]).toEqual(['x', ['dist']]);
});

test('a source that was changed afterwards is built again', async () => {
  const sources = await checkout();
  await sources.ensureBuilt();
  await sources.write('bin/cli.ts', 'second', LATER);
  expect(await sources.ensureBuilt()).toEqual({ isBuilt: true, said: 'Building Turnpike, since its sources have changed …\n' });
  expect([await sources.read('dist/bin/cli.js'), await sources.builds()]).toEqual(['second', ['dist']]);
});

test('a source that does not compile leaves the build before it, and says so', async () => {
  const sources = await checkout();
  await sources.ensureBuilt();
  await sources.write('bin/cli.ts', 'broken', LATER);
  expect(await sources.ensureBuilt()).toEqual({ isBuilt: false, said: expect.stringContaining('could not be built: see the errors above') });
  expect([await sources.read('dist/bin/cli.js'), await sources.builds()]).toEqual(['first', ['dist']]);
});

test('without a compiler an old build is used, and without both it says what to install', async () => {
  const sources = await checkout();
  await sources.ensureBuilt();
  await sources.remove('node_modules');
  await sources.write('bin/cli.ts', 'second', LATER);
  expect(await sources.ensureBuilt()).toEqual({ isBuilt: true, said: '' });
  await sources.remove('dist');
  expect(await sources.ensureBuilt()).toEqual({ isBuilt: false, said: expect.stringContaining('no TypeScript compiler to make it: run `npm ci`') });
});

test('two that start at once both have a whole build in the end', async () => {
  const sources = await checkout();
  const answers = await Promise.all([sources.ensureBuilt(), sources.ensureBuilt(), sources.ensureBuilt()]);
  expect(answers.map(({ isBuilt }) => isBuilt)).toEqual([true, true, true]);
  expect([await sources.read('dist/bin/cli.js'), await sources.builds()]).toEqual(['first', ['dist']]);
});
