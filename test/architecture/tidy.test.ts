/** Rules about the code itself, as far as a machine can see them. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../support/processes.ts';

const PLANES = ['control-plane', 'data-plane', 'shared', 'bin'] as const;
const SOURCES = globSync(
  PLANES.map((plane) => `${plane}/**/*.ts`),
  { cwd: ROOT },
).toSorted();
const EVERYTHING = [...SOURCES, ...globSync('test/**/*.ts', { cwd: ROOT })];
const LINES_MAX = 250;
/** Lists of addresses are part of node:net, and connect to nothing. */
const ADDRESS_LISTS = ['shared/address-rules.ts', 'shared/cidr.ts', 'shared/policy.ts'];

const textOf = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const importsOf = (file: string) =>
  [...textOf(file).matchAll(/^(?:import|export)\b[^'"`;]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm)].map(
    (match) => match[1] ?? match[2] ?? match[3] ?? '',
  );
const localImportsOf = (file: string) =>
  importsOf(file)
    .filter((name) => name.startsWith('.'))
    .map((name) => normalize(join(dirname(file), name)));

describe('the planes', () => {
  test.each(SOURCES)('%s imports only what its plane may', (file) => {
    const plane = file.split('/')[0] ?? '';
    const allowed: Readonly<Record<string, readonly string[]>> = {
      'control-plane': ['control-plane', 'shared'],
      'data-plane': ['data-plane', 'shared'],
      shared: ['shared'],
      bin: ['bin', 'control-plane', 'data-plane', 'shared'],
    };
    for (const target of localImportsOf(file)) expect(allowed[plane]).toContain(target.split('/')[0]);
  });

  test('the data plane carries nothing but what a lean proxy needs', () => {
    const packages = SOURCES.filter((file) => file.startsWith('data-plane/') || file.startsWith('shared/')).flatMap(importsOf);
    const foreign = new Set(packages.filter((name) => !name.startsWith('.') && !name.startsWith('node:')));
    expect([...foreign].toSorted()).toEqual(['graphql-ws', 'ioredis', 'pino', 're2js', 'temporal-polyfill', 'undici', 'ws', 'zod']);
  });

  test('shared does no input or output', () => {
    for (const file of SOURCES.filter((name) => name.startsWith('shared/'))) {
      expect(
        importsOf(file).filter(
          (name) => /^node:(?:fs|net|http|https|child_process|dns|tls)/.test(name) && !(name === 'node:net' && ADDRESS_LISTS.includes(file)),
        ),
        file,
      ).toEqual([]);
    }
  });
});

describe('every source file', () => {
  test.each(SOURCES)('%s opens with a sentence that says what it does', (file) => {
    expect(textOf(file)).toMatch(/^\/\*\* \S.*[.:]? ?\*\/\n/);
  });

  test.each(SOURCES)('%s is short enough to be read at once', (file) => {
    expect(textOf(file).split('\n').length).toBeLessThanOrEqual(LINES_MAX);
  });

  test('is imported by another one, or is where a program begins', () => {
    const imported = new Set(EVERYTHING.flatMap(localImportsOf));
    const starts = ['bin/cli.ts', 'control-plane/print-schema.ts'];
    const launched = globSync('bin/**/*.mjs', { cwd: ROOT }).map(textOf).join();
    expect(SOURCES.filter((file) => !imported.has(file) && !starts.includes(file) && !launched.includes(file.replace('.ts', '.js')))).toEqual([]);
  });

  test('leaves nothing for later and silences no checker', () => {
    // Spelled in classes, so that this line is none of what it looks for.
    const leftovers = /T[O]DO|F[I]XME|@ts-(?:i[g]nore|e[x]pect-error|n[o]check)|as a[n]y\b|\.o[n]ly\(|\.s[k]ip\(/;
    const codeOf = (file: string) => textOf(file).replaceAll(/\/\*[\s\S]*?\*\//g, '');
    expect(EVERYTHING.filter((file) => leftovers.test(codeOf(file)))).toEqual([]);
  });

  test('looks at the environment only where settings are read', () => {
    const readers = SOURCES.filter((file) => !file.startsWith('bin/') && /process\.env\b/.test(textOf(file)));
    expect(readers.filter((file) => !file.endsWith('settings.ts'))).toEqual([]);
  });
});

test('every step of the flow is listed on its page', () => {
  const page = textOf('docs/access-flow.md');
  for (const file of globSync('data-plane/steps/*.ts', { cwd: ROOT })) expect(page).toContain(`\`${file.split('/').at(-1)}\``);
});
