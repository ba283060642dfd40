/** `npm run conformance`: what the official suite finds directly and through the gateway; ends with 1 when the gateway loses a check. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Lifetime } from '../../bin/lifetime.ts';
import { startRig, type ConformanceRig } from './rig.ts';
import { REQUIREMENT_SETS, runSuite, type RequirementSet, type SuiteResult } from './suite.ts';

interface Comparison {
  readonly requirements: RequirementSet;
  readonly direct: SuiteResult;
  readonly governed: SuiteResult;
  /** Checks that pass directly and not through the gateway. */
  readonly lost: readonly string[];
}

const lifetime = new Lifetime();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => lifetime.askToEnd());

try {
  const rig = await startRig(lifetime);
  const comparisons: Comparison[] = [];
  for (const requirements of REQUIREMENT_SETS) comparisons.push(await compare(rig, requirements));
  report(comparisons);
  process.exitCode = comparisons.some(({ lost }) => lost.length > 0) ? 1 : 0;
} finally {
  const failures = await lifetime.end();
  for (const failure of failures) process.stderr.write(`${String(failure)}\n`);
}

async function compare(rig: ConformanceRig, requirements: RequirementSet): Promise<Comparison> {
  const direct = await runOnce({ url: rig.directUrl, requirements, directory: join(rig.directory, `${requirements}-direct`) });
  if (!direct.isConformant) throw new Error(`the fixture itself does not pass ${requirements}:\n${direct.output.slice(-4000)}`);
  const governed = await runOnce({ url: rig.gatewayUrl, requirements, apiKey: rig.apiKey, directory: join(rig.directory, `${requirements}-governed`) });
  const kept = new Set(governed.passed);
  return { requirements, direct, governed, lost: direct.passed.filter((check) => !kept.has(check)) };
}

function runOnce(run: Parameters<typeof runSuite>[0]): Promise<SuiteResult> {
  lifetime.signal.throwIfAborted();
  mkdirSync(run.directory);
  return runSuite(run, lifetime.signal);
}

function report(comparisons: readonly Comparison[]): void {
  process.stdout.write('requirements  directly                  through the gateway\n');
  for (const { requirements, direct, governed } of comparisons) {
    process.stdout.write(`${requirements.padEnd(14)}${countsOf(direct).padEnd(26)}${countsOf(governed)}\n`);
  }
  for (const { requirements, lost } of comparisons) {
    if (lost.length === 0) continue;
    process.stdout.write(`\n${requirements}: passes directly and not through the gateway\n${lost.map((check) => `  ${check}\n`).join('')}`);
  }
}

function countsOf({ passed, failed }: SuiteResult): string {
  return `${passed.length} passed, ${failed.length} failed`;
}
