/** Suites that are nothing without a real Redis, as globs. Others that use one leave out what needs it by themselves. */
export const NEEDS_REDIS = [
  'test/e2e/governed-call.test.ts',
  'test/e2e/healed-sessions.test.ts',
  'test/e2e/open-streams.test.ts',
  'test/e2e/policies.test.ts',
  'test/e2e/refused-calls.test.ts',
  'test/e2e/secrets.test.ts',
  'test/e2e/sse-upstream.test.ts',
  'test/e2e/stdio-sessions.test.ts',
  'test/e2e/stdio-upstream.test.ts',
  'test/e2e/sub-paths.test.ts',
  'test/faults/**',
  'test/**/*redis*.test.ts',
];
