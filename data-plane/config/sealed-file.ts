/** Reads and writes a file of records that nobody without the key can read, change or cut short unnoticed. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Slices } from './slices.ts';

/** Authenticated with the content: a file of another format does not open. */
const FORMAT = 'turnpike-config-2';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const LENGTH_BYTES = 4;
/** Deciphered at once; about a millisecond of work. */
const PIECE_BYTES = 1_000_000;

/** The file appears whole or not at all; the one before it is kept under `previousPath`. */
export async function writeSealedFile(
  key: Buffer,
  { path, previousPath }: { readonly path: string; readonly previousPath: string },
  records: AsyncIterable<Buffer>,
): Promise<void> {
  const temporaryPath = `${path}.${process.pid}.new`;
  try {
    await writeRecords(key, temporaryPath, records);
    await rename(path, previousPath).catch(unlessMissing);
    await rename(temporaryPath, path);
  } catch (error) {
    await rm(temporaryPath, { force: true });
    throw error;
  }
  // Without this a crash of the machine could forget the renaming.
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Every record, in order. Throws when the file is missing, or is not what this key sealed. */
export async function readSealedFile(key: Buffer, path: string): Promise<Buffer[]> {
  const sealed = await readFile(path);
  if (sealed.length < NONCE_BYTES + TAG_BYTES) throw new Error('the file was cut short');
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES));
  decipher.setAAD(Buffer.from(FORMAT));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  const pieces: Buffer[] = [];
  const slices = new Slices();
  for (let at = NONCE_BYTES; at < sealed.length - TAG_BYTES; at += PIECE_BYTES) {
    pieces.push(decipher.update(sealed.subarray(at, Math.min(at + PIECE_BYTES, sealed.length - TAG_BYTES))));
    if (slices.isOver) await slices.rest();
  }
  decipher.final();
  return split(Buffer.concat(pieces));
}

async function writeRecords(key: Buffer, path: string, records: AsyncIterable<Buffer>): Promise<void> {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(FORMAT));
  const handle = await open(path, 'w', 0o600);
  try {
    await handle.appendFile(nonce);
    for await (const record of records) {
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt32BE(record.length);
      await handle.appendFile(Buffer.concat([cipher.update(length), cipher.update(record)]));
    }
    await handle.appendFile(Buffer.concat([cipher.final(), cipher.getAuthTag()]));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function split(plain: Buffer): Buffer[] {
  const records: Buffer[] = [];
  let at = 0;
  while (at < plain.length) {
    const length = plain.readUInt32BE(at);
    records.push(plain.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + length));
    at += LENGTH_BYTES + length;
  }
  return records;
}

function unlessMissing(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
}
