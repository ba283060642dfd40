/** The data directory of the standalone mode: made, checked, and held by one process at a time. */
import { createHash } from 'node:crypto';
import { createConnection, createServer, type Server } from 'node:net';
import { existsSync } from 'node:fs';
import { chmod, mkdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileFailure } from './file-failure.ts';

const SOCKET_PATH_MAX = 103;

/** Makes the directory and tries to write in it; answers its absolute path. Throws a sentence that names it. */
export async function prepareDataDirectory(path: string): Promise<string> {
  const directory = resolve(path);
  try {
    const isNew = await makeDirectory(directory);
    // The database of root runs as another account, which must be able to go through; it can read nothing here.
    if (isNew && process.getuid?.() === 0) await chmod(directory, 0o711);
    const probe = join(directory, `.probe.${process.pid}`);
    await writeFile(probe, '');
    await rm(probe);
    return await realpath(directory);
  } catch (error) {
    throw fileFailure(`the data directory ${directory}`, 'written', error, 'set TURNPIKE_DATA_DIR to one that can be');
  }
}

/** Answers whether it was made. Step by step, because `recursive` tries for ever where a file system makes nothing, as in /proc. */
async function makeDirectory(directory: string): Promise<boolean> {
  if (existsSync(directory)) return false;
  await makeDirectory(dirname(directory));
  await mkdir(directory, { mode: 0o700 });
  return true;
}

export interface DirectoryHold {
  release(): Promise<void>;
}

/** Another process holds the directory. */
export class DirectoryInUse extends Error {
  constructor(directory: string) {
    super(`the data directory ${directory} is in use by another Turnpike; stop that one, or set TURNPIKE_DATA_DIR to another directory`);
  }
}

/** A socket is a hold that ends with its process, however that ends. Throws `DirectoryInUse` when another process has it. */
export async function holdDataDirectory(directory: string): Promise<DirectoryHold> {
  const near = join(directory, 'hold.sock');
  const name = `turnpike-${createHash('sha256').update(directory).digest('hex').slice(0, 12)}.sock`;
  const path = Buffer.byteLength(near) <= SOCKET_PATH_MAX ? near : join(tmpdir(), name);
  if (await isAnswered(path)) throw new DirectoryInUse(directory);
  const server = createServer((connection) => connection.destroy());
  try {
    await rm(path, { force: true });
    await listen(server, path);
  } catch (error) {
    throw fileFailure(path, 'made', error, 'move away what is in its place, or set TURNPIKE_DATA_DIR to a directory where a socket can be');
  }
  server.unref();
  return { release: () => new Promise((done) => server.close(() => done())) };
}

/** As short as it can be shown to somebody who stands in `from`. */
export function shownPath(path: string, from: string): string {
  const short = relative(from, path);
  return short.startsWith('..') ? path : short;
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((answer) => {
    const connection = createConnection(path);
    connection.once('connect', () => {
      connection.destroy();
      answer(true);
    });
    connection.once('error', () => answer(false));
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((done, reject) => {
    server.once('error', reject);
    server.listen(path, () => done());
  });
}
