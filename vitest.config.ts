/** How the tests run: three workers, one copy of `graphql` for everybody, and what needs a Redis only where there is one. */
import { spawnSync } from 'node:child_process';
import { configDefaults, defineConfig } from 'vitest/config';
import { NEEDS_REDIS } from './test/support/needs-redis.ts';

/** A newcomer's machine may lack a Redis, which is said aloud; a machine of CI may not. */
function withoutRedis(): string[] {
  if (spawnSync('redis-server', ['--version']).status === 0) return [];
  const sentence = `redis-server is not installed: ${NEEDS_REDIS.join(', ')} are NOT run (apt-get install redis-server)`;
  if (process.env['CI'] !== undefined) throw new Error(sentence);
  process.stderr.write(`\n*** ${sentence} ***\n\n`);
  return NEEDS_REDIS;
}

// oxlint-disable-next-line import/no-default-export -- the one place where the tool asks for it
export default defineConfig({
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...withoutRedis()],
    pool: 'forks',
    // One more than the two cores of the machines of CI: most tests wait for programs, databases and sockets most of the time.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 120_000,
  },
});
