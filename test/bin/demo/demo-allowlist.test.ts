/** The standalone mode's allow-list names the demo's program, follows it when it moves, and never overrules the operator. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { demoAllowlist, withDemo } from '../../../bin/demo/demo-allowlist.ts';
import { readStdioAllowlist, StdioAllowlist } from '../../../shared/stdio-allowlist.ts';

const PROGRAM = { command: '/opt/node/bin/node', args: ['/opt/turnpike (1)/server-everything/dist/index.js', 'stdio'] };
const MOVED = { ...PROGRAM, args: ['/srv/server-everything/dist/index.js', 'stdio'] };
const OTHER = { command: '/usr/bin/other', args: ['.*'], env: [] };

async function directory(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'turnpike-list-'));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

async function listIn(path: string): Promise<StdioAllowlist> {
  return StdioAllowlist.parse(await readFile(path, 'utf8'), path);
}

test('the first start makes a list of the demo alone, for its owner alone', async () => {
  const { path, allowsDemo } = await demoAllowlist(await directory(), undefined, PROGRAM);
  expect([allowsDemo, (await stat(path)).mode & 0o777]).toEqual([true, 0o600]);
  const list = await listIn(path);
  expect(list.objectionTo({ ...PROGRAM, envNames: [] })).toBeUndefined();
  expect(list.objectionTo({ ...MOVED, envNames: [] })).toBeDefined();
});

test('when the program has moved its entry is put right, and the others stay', async () => {
  const made = await directory();
  const { path } = await demoAllowlist(made, undefined, PROGRAM);
  const { entries } = readStdioAllowlist(await readFile(path, 'utf8'), path);
  await writeFile(path, JSON.stringify({ entries: [OTHER, ...entries] }));
  expect(await demoAllowlist(made, undefined, MOVED)).toEqual({ path, allowsDemo: true });
  const list = await listIn(path);
  expect(list.objectionTo({ ...MOVED, envNames: [] })).toBeUndefined();
  expect(list.objectionTo({ ...PROGRAM, envNames: [] })).toBeDefined();
  expect(list.objectionTo({ command: '/usr/bin/other', args: ['x'], envNames: [] })).toBeUndefined();
});

test('an operator who has taken the demo out of the list has no demo over STDIO, start after start', async () => {
  const made = await directory();
  const path = join(made, 'stdio-allowlist.json');
  const text = JSON.stringify({ entries: [OTHER] });
  await writeFile(path, text);
  expect(await demoAllowlist(made, undefined, PROGRAM)).toEqual({ path, allowsDemo: false });
  expect(await readFile(path, 'utf8')).toBe(text);
});

test('an operator’s own list is read and never written', async () => {
  const [made, path] = [await directory(), join(await directory(), 'mine.json')];
  await expect(demoAllowlist(made, path, PROGRAM)).rejects.toThrow(`the STDIO allow-list ${path} does not exist`);
  for (const [entries, allowsDemo] of [
    [[], false],
    [[{ command: PROGRAM.command, args: ['.*', 'stdio'], env: [] }], true],
  ] as const) {
    await writeFile(path, JSON.stringify({ entries }));
    expect(await demoAllowlist(made, path, PROGRAM)).toEqual({ path, allowsDemo });
    expect(await readFile(path, 'utf8')).toBe(JSON.stringify({ entries }));
  }
});

test.each(['{', '[]', '{"entries":[{"command":"node"}]}', '{"entries":[{"command":"/bin/x","args":["("],"env":[]}]}'])(
  'a list that is damaged is one line that names it: %s',
  async (text) => {
    const made = await directory();
    const path = join(made, 'stdio-allowlist.json');
    await writeFile(path, text);
    await expect(demoAllowlist(made, undefined, PROGRAM)).rejects.toThrow(/^the STDIO allow-list \S+ cannot be used: \w[^\n]{10,}$/);
  },
);

test('the entry allows exactly these arguments, whatever characters are in them', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (argument, other) => {
      // Flags that run code are refused whatever the list says, which is another promise.
      fc.pre(!argument.startsWith('-') && !other.startsWith('-'));
      const document = withDemo(undefined, { command: '/bin/x', args: [argument] });
      const list = new StdioAllowlist(document ?? { entries: [] });
      const allows = (given: string) => list.objectionTo({ command: '/bin/x', args: [given], envNames: [] }) === undefined;
      return allows(argument) && allows(other) === (argument === other);
    }),
  );
});
