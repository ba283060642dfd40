/** The command `turnpike`: what it understands, and what it says before anything is started. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KNOWN_VARIABLES } from '../../bin/known-environment.ts';
import { hasValidChecksum, readToken } from '../../shared/token.ts';
import { ROOT, startProgram } from '../support/processes.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'turnpike-cli-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Runs it to its end; none of these may start anything that stays. */
async function turnpike(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<{ code: number | string; output: string }> {
  const program = startProgram(process.execPath, [join(ROOT, 'bin/turnpike.mjs'), ...args], { TURNPIKE_DATA_DIR: join(directory, 'data'), ...environment });
  const code = await program.stop('SIGCONT');
  // The first command of all may have to build.
  return { code, output: program.output().replace(/^Building Turnpike.*\n/, '') };
}

test('`token data-plane` prints one token, a new one each time, and nothing else', async () => {
  const [first, second] = [await turnpike(['token', 'data-plane']), await turnpike(['token', 'data-plane'])];
  expect([first.code, second.code]).toEqual([0, 0]);
  const token = first.output.trim();
  expect(first.output).toBe(`${token}\n`);
  expect([readToken(token).kind, hasValidChecksum(token)]).toEqual(['dataPlaneToken', true]);
  expect(second.output).not.toBe(first.output);
});

test('`--version` is the version of the package', async () => {
  expect(await turnpike(['--version'])).toEqual({ code: 0, output: '0.1.0\n' });
});

test('`--help` names every command and every variable of the environment', async () => {
  const { code, output } = await turnpike(['--help']);
  expect(code).toBe(0);
  for (const name of ['start', 'control-plane', 'data-plane', 'token', 'audit', ...KNOWN_VARIABLES.map((variable) => variable.name)])
    expect(output).toContain(name);
});

test.each([[[]], [['token']], [['audit']]])('without a command (%j) it shows the usage and exits 1', async (args) => {
  const { code, output } = await turnpike(args);
  expect(code).toBe(1);
  expect(output).toMatch(/^Usage: turnpike/);
});

test.each([
  [['strat'], `error: unknown command 'strat'\n(Did you mean start?)\n(see turnpike --help)\n`],
  [['bogus'], `error: unknown command 'bogus'\n(see turnpike --help)\n`],
  [['token', 'bogus'], `error: unknown command 'bogus'\n(see turnpike --help)\n`],
  [['--bogus'], `error: unknown option '--bogus'\n(see turnpike --help)\n`],
  [['start', 'extra'], `error: too many arguments for 'start'. Expected 0 arguments but got 1: extra.\n(see turnpike --help)\n`],
])('%j is refused, exit 1', async (args, output) => {
  expect(await turnpike(args)).toEqual({ code: 1, output });
});

const SECRET = { TURNPIKE_SECRET_KEY: Buffer.alloc(32, 'secret').toString('base64') };
const CONTROL = { ...SECRET, DATABASE_URL: 'postgresql://127.0.0.1/x' };

describe('a wrong environment is one sentence and exit 1, and nothing is made', () => {
  test.each([
    ['start', { TURNPIKE_HOTS: 'x' }, 'TURNPIKE_HOTS is not a variable of Turnpike: did you mean TURNPIKE_HOST?'],
    ['control-plane', { ...CONTROL, TURNPIKE_LOGLEVEL: 'x' }, 'TURNPIKE_LOGLEVEL is not a variable of Turnpike: did you mean TURNPIKE_LOG_LEVEL?'],
    [
      'data-plane',
      { TURNPIKE_A: 'x', TURNPIKE_REDIS_URL: 'x' },
      /TURNPIKE_A is not .* TURNPIKE_REDIS_URL is not a variable of Turnpike: did you mean REDIS_URL\?/,
    ],
    ['control-plane', {}, /TURNPIKE_SECRET_KEY: .*; DATABASE_URL: /],
    ['control-plane', { ...CONTROL, CONTROL_PLANE_PORT: '' }, 'REDIS_URL is needed: the control plane takes usage and counts from there'],
    ['control-plane', { ...CONTROL, CONTROL_PLANE_PORT: '70000', TURNPIKE_LOG_LEVEL: 'loud' }, /CONTROL_PLANE_PORT: .*; TURNPIKE_LOG_LEVEL: /],
    ['data-plane', {}, /TURNPIKE_SECRET_KEY: .*; CONTROL_PLANE_URL: .*; DATA_PLANE_TOKEN: /],
    ['data-plane', { ...SECRET, CONTROL_PLANE_URL: 'ftp://x', DATA_PLANE_TOKEN: 'x', DATA_PLANE_PORT: 'http' }, /DATA_PLANE_PORT: .*; CONTROL_PLANE_URL: /],
  ])('%s with %o', async (command, environment, sentence) => {
    const { code, output } = await turnpike([command], environment);
    expect(code).toBe(1);
    expect(output).toMatch(/^Turnpike cannot go on: [^\n]+\n$/);
    expect(output).toMatch(typeof sentence === 'string' ? `Turnpike cannot go on: ${sentence}\n` : sentence);
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('`start` refuses before it starts anything, when', () => {
  test.each([
    ['a port is none', { CONTROL_PLANE_PORT: 'abc', DATA_PLANE_PORT: '-1' }, /CONTROL_PLANE_PORT: .*; DATA_PLANE_PORT: /],
    ['both ports are the same', { CONTROL_PLANE_PORT: '14999', DATA_PLANE_PORT: '14999' }, 'CONTROL_PLANE_PORT and DATA_PLANE_PORT must differ'],
    [
      'the host is not this machine',
      { CONTROL_PLANE_PORT: '0', TURNPIKE_HOST: '192.0.2.1' },
      '192.0.2.1 is not an address of this machine; set TURNPIKE_HOST to one',
    ],
    ['the secret key is too short', { TURNPIKE_SECRET_KEY: 'c2hvcnQ=' }, /TURNPIKE_SECRET_KEY must be at least 32 random bytes/],
    [
      'the data directory cannot be made',
      { TURNPIKE_DATA_DIR: '/dev/null/data' },
      /the data directory \/dev\/null\/data cannot be written by .*: set TURNPIKE_DATA_DIR/,
    ],
  ])('%s', async (_reason, environment, sentence) => {
    const { code, output } = await turnpike(['start'], environment);
    expect(code).toBe(1);
    expect(output).toMatch(/^✔ Node \S+\nTurnpike cannot go on: [^\n]+\n$/);
    expect(output).toMatch(sentence);
    expect(output).not.toContain('c2hvcnQ=');
  });
});
