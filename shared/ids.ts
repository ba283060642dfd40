/** Typed, time-ordered identifiers: a prefix that names the noun, and the base32 of a UUIDv7 (RFC 9562 section 5.7). */
import { randomFillSync } from 'node:crypto';

export const ID_PREFIXES = {
  organisation: 'org',
  team: 'tea',
  user: 'usr',
  membership: 'mem',
  role: 'rol',
  invitation: 'inv',
  session: 'ses',
  adminToken: 'adm',
  dataPlaneToken: 'dpt',
  apiKey: 'key',
  mcpServer: 'srv',
  tool: 'tol',
  catalogEntry: 'cat',
  installRequest: 'ins',
  accessGrant: 'grt',
  policy: 'pol',
  limit: 'lim',
  upstreamConnection: 'ucn',
  oauthClient: 'oac',
  oauthFlow: 'oaf',
  agent: 'agt',
  agentClient: 'agc',
  usageRecord: 'use',
  auditEvent: 'aud',
  dataPlane: 'dpl',
  request: 'req',
  alert: 'alr',
  export: 'exp',
} as const;
export type IdKind = keyof typeof ID_PREFIXES;

/** Crockford's alphabet: its order is the order of the bits, so ids sort by time. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const ID = /^([a-z]{3})_[0-7][0-9a-hjkmnp-tv-z]{25}$/;
const RANDOM_BYTES = 10;
const TIME_LETTERS = 10;
const pool = Buffer.alloc(RANDOM_BYTES * 256);
let poolOffset = pool.length;

/** A new id of that kind: 48 bits of the clock's milliseconds, then the UUIDv7's version, variant and 74 random bits. */
export function newId(kind: IdKind, nowMillis: number = Date.now()): string {
  if (poolOffset === pool.length) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  const at = poolOffset;
  poolOffset += RANDOM_BYTES;
  pool[at] = 0x70 | (pool.readUInt8(at) & 0x0f);
  pool[at + 2] = 0x80 | (pool.readUInt8(at + 2) & 0x3f);
  return `${ID_PREFIXES[kind]}_${timeText(nowMillis)}${randomText(pool.readUIntBE(at, 5))}${randomText(pool.readUIntBE(at + 5, 5))}`;
}

/** An id that is made of ten bytes alone: the same for the same ones, and before every id that has a time. */
export function derivedId(kind: IdKind, bytes: Buffer): string {
  return `${ID_PREFIXES[kind]}_${timeText(0)}${randomText(bytes.readUIntBE(0, 5))}${randomText(bytes.readUIntBE(5, 5))}`;
}

/** What every id of that moment and later has in front or sorts behind, and no earlier one. */
export function idsFrom(kind: IdKind, millis: number): string {
  return `${ID_PREFIXES[kind]}_${timeText(millis)}`;
}

/** The clock's milliseconds that an id begins with; undefined when the text is no id of that kind. */
export function timeOfId(kind: IdKind, text: string): number | undefined {
  if (!isId(kind, text)) return undefined;
  const letters = text.slice(ID_PREFIXES[kind].length + 1).slice(0, TIME_LETTERS);
  return Array.from(letters).reduce((millis, letter) => millis * 32 + ALPHABET.indexOf(letter), 0);
}

/** All pairs of letters: an id is read off in half as many steps. */
const PAIRS = Array.from({ length: 1024 }, (_, value) => ALPHABET.charAt(value >> 5) + ALPHABET.charAt(value & 31));
let timeMillis = Number.NaN;
let timeLetters = '';

function timeText(nowMillis: number): string {
  if (nowMillis === timeMillis) return timeLetters;
  timeMillis = nowMillis;
  const whole = Math.floor(nowMillis);
  timeLetters = pairAt(whole / 2 ** 40) + pairAt(whole / 2 ** 30) + pairAt(whole / 2 ** 20) + pairAt(whole / 2 ** 10) + pairAt(whole);
  return timeLetters;
}

/** Forty bits as eight letters. */
function randomText(bits: number): string {
  return pairAt(bits / 2 ** 30) + pairAt(bits / 2 ** 20) + pairAt(bits / 2 ** 10) + pairAt(bits);
}

/** The letters of the lowest ten bits. */
function pairAt(value: number): string {
  return PAIRS[Math.floor(value) % 1024] ?? '';
}

/** Whether the text has the shape of an id of that kind. Slugs never do: they hold no underscore. */
export function isId(kind: IdKind, text: string): boolean {
  return ID.exec(text)?.[1] === ID_PREFIXES[kind];
}
