/** Compiles the sources into `dist/`, when it is not there or older than they are. */
import { spawn } from 'node:child_process';
import { cp, mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
const STAMP = '.built';
const SOURCE_DIRECTORIES = ['bin', 'control-plane', 'data-plane', 'shared'];
/** What programs read at run time beside their own code. */
const ASSET_EXTENSIONS = new Set(['.lua', '.cjs', '.json']);

/** Answers false, with the reason on standard error, when there is nothing that can be run. */
export async function ensureBuilt() {
  const files = await sourceFiles();
  const builtMillis = await builtAtMillis();
  if (isFresh(builtMillis, files)) return true;
  if (findCompiler() === undefined && builtMillis !== undefined) return true;
  process.stderr.write(builtMillis === undefined ? 'Building Turnpike (once, a few seconds) …\n' : 'Building Turnpike, since its sources have changed …\n');
  return build(files);
}

/** Builds beside `dist` and swaps at the end, so that programs that start at the same time never see half of it. */
async function build(files) {
  const compiler = findCompiler();
  if (compiler === undefined) {
    process.stderr.write(
      'There is no dist/ and no TypeScript compiler to make it: run `npm ci` with development dependencies, or install the published package, which has dist/.\n',
    );
    return false;
  }
  const startedAt = new Date();
  const target = join(ROOT, `dist.${process.pid}`);
  try {
    const isCompiled = await compile(compiler, target);
    if (!isCompiled) {
      process.stderr.write('Turnpike could not be built: see the errors above.\n');
      return false;
    }
    await copyAssets(files, target);
    await writeFile(join(target, STAMP), '');
    await utimes(join(target, STAMP), startedAt, startedAt);
    // Whoever was faster has built the same sources, and may be running them already.
    if (isFresh(await builtAtMillis(), files)) return true;
    await swap(target);
    return true;
  } finally {
    await rm(target, { recursive: true, force: true });
  }
}

function isFresh(builtMillis, files) {
  return builtMillis !== undefined && files.every(({ mtimeMillis }) => mtimeMillis <= builtMillis);
}

function findCompiler() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  } catch {
    // TypeScript is a development dependency, and a production install has none.
    return undefined;
  }
}

function compile(compiler, target) {
  const child = spawn(process.execPath, [compiler, '-p', join(ROOT, 'tsconfig.build.json'), '--outDir', target], { cwd: ROOT, stdio: ['ignore', 2, 2] });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code === 0));
  });
}

async function copyAssets(files, target) {
  for (const { path } of files) {
    if (!ASSET_EXTENSIONS.has(extname(path))) continue;
    await mkdir(dirname(join(target, path)), { recursive: true });
    await cp(join(ROOT, path), join(target, path));
  }
}

async function swap(target) {
  const old = join(ROOT, `dist.old.${process.pid}`);
  await rename(DIST, old).catch(ignoreAbsence);
  await rename(target, DIST).catch((error) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
  await rm(old, { recursive: true, force: true });
}

/** Every file of the source directories with the time of its last change, in milliseconds. */
async function sourceFiles() {
  const lists = await Promise.all(SOURCE_DIRECTORIES.map((directory) => readdir(join(ROOT, directory), { recursive: true, withFileTypes: true })));
  const files = lists.flat().filter((entry) => entry.isFile());
  return Promise.all(
    files.map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      return { path: path.slice(ROOT.length), mtimeMillis: (await stat(path)).mtimeMs };
    }),
  );
}

async function builtAtMillis() {
  const stamp = await stat(join(DIST, STAMP)).catch(ignoreAbsence);
  return stamp?.mtimeMs;
}

function ignoreAbsence(error) {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = (await build(await sourceFiles())) ? 0 : 1;
