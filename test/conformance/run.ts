/** `npm run conformance`: what the official suite finds directly and through the gateway; ends with 1 when the gateway loses a check, or an exception is wrong. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Lifetime } from '../../bin/lifetime.ts';
import { compare, staleExceptions, type Comparison } from './comparison.ts';
import { EXCEPTIONS } from './exceptions.ts';
import { toReport } from './report.ts';
import { startRig, type ConformanceRig } from './rig.ts';
import { REQUIREMENT_SETS, runSuite, type RequirementSet, type SuiteResult } from './suite.ts';

const lifetime = new Lifetime();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => lifetime.askToEnd());

try {
  const rig = await startRig(lifetime);
  const comparisons: Comparison[] = [];
  for (const requirements of REQUIREMENT_SETS) comparisons.push(...(await compareRoutes(rig, requirements)));
  const stale = staleExceptions(comparisons, EXCEPTIONS);
  process.stdout.write(toReport(comparisons, stale));
  process.exitCode = stale.length === 0 && comparisons.every(({ lost }) => lost.length === 0) ? 0 : 1;
} finally {
  const failures = await lifetime.end();
  for (const failure of failures) process.stderr.write(`${String(failure)}\n`);
}

async function compareRoutes(rig: ConformanceRig, requirements: RequirementSet): Promise<Comparison[]> {
  const direct = await runOnce(rig, { url: rig.directUrl, requirements, name: 'direct' });
  if (!direct.isConformant) throw new Error(`the fixture itself does not pass ${requirements}:\n${direct.output.slice(-4000)}`);
  const comparisons: Comparison[] = [];
  for (const { transport, requirementSets, url, apiKey } of rig.routes) {
    if (!requirementSets.includes(requirements)) continue;
    const governed = await runOnce(rig, { url, requirements, apiKey, name: transport });
    comparisons.push(compare({ transport, requirements, direct, governed }, EXCEPTIONS));
  }
  return comparisons;
}

interface Run {
  readonly url: string;
  readonly requirements: RequirementSet;
  readonly apiKey?: string;
  /** Tells it from other runs with the same requirements. */
  readonly name: string;
}

function runOnce({ directory }: ConformanceRig, { name, ...run }: Run): Promise<SuiteResult> {
  lifetime.signal.throwIfAborted();
  const own = join(directory, `${run.requirements}-${name}`);
  mkdirSync(own);
  return runSuite({ ...run, directory: own }, lifetime.signal);
}
