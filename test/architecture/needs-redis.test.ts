/** On a machine without Redis every suite passes or is left out: whoever starts one says so. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join, matchesGlob } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/processes.ts';
import { NEEDS_REDIS } from '../support/needs-redis.ts';

const textOf = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const STARTS_ONE = /\b(?:startTestRedis|anyTestRedis)\(/;
/** Supports that start one for whoever uses them. */
const supports = globSync('test/support/*.ts', { cwd: ROOT }).filter((file) => !file.endsWith('/redis.ts') && STARTS_ONE.test(textOf(file)));
const suites = globSync('test/**/*.test.ts', { cwd: ROOT, exclude: ['test/architecture/**'] }).filter((file) => {
  const text = textOf(file);
  return STARTS_ONE.test(text) || supports.some((support) => text.includes(`support/${basename(support)}'`));
});

test('there are suites and supports that start a Redis', () => {
  expect(supports).toContain('test/support/governed-stack.ts');
  expect(suites.length).toBeGreaterThan(20);
});

test.each(suites)('%s is left out without a Redis, or leaves out what needs it', (file) => {
  expect(NEEDS_REDIS.some((glob) => matchesGlob(file, glob)) || textOf(file).includes('hasRedis')).toBe(true);
});
