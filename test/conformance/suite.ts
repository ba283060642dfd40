/** Runs the official conformance suite against one address, and reads what it has found. */
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { ROOT, startProgram } from '../support/processes.ts';

/** The frozen requirement sets that the suite has for the two eras of the protocol. */
export const REQUIREMENT_SETS = ['2025-11-25', '2026-07-28'] as const;
export type RequirementSet = (typeof REQUIREMENT_SETS)[number];

export interface SuiteRun {
  readonly url: string;
  readonly requirements: RequirementSet;
  /** Sent with every request; without one none is. */
  readonly apiKey?: string;
  /** Where the suite writes its results: empty, and this run's own. */
  readonly directory: string;
}

export interface SuiteResult {
  /** One line for each check, in the order in which they were made. */
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  /** Whether every scenario that counts has passed. */
  readonly isConformant: boolean;
  readonly output: string;
}

const SUITE = join(ROOT, 'node_modules/.bin/conformance');
const ADD_KEY = join(ROOT, 'test/conformance/add-key.mjs');
const SCENARIO_MILLIS_MAX = 10_000;
const RUN_MILLIS_MAX = 40_000;
/** `server-<scenario>-<time>`. */
const RESULT_DIRECTORY = /^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/;

const checksSchema = z.array(z.object({ id: z.string(), description: z.string(), status: z.string() }));

/** Rejects when the suite takes too long, or is given up by the signal; its process is gone then. */
export async function runSuite(run: SuiteRun, signal: AbortSignal): Promise<SuiteResult> {
  const program = startProgram(process.execPath, argumentsOf(run), run.apiKey === undefined ? {} : { CONFORMANCE_API_KEY: run.apiKey });
  const stop = () => void program.stop('SIGKILL');
  const deadline = setTimeout(stop, RUN_MILLIS_MAX);
  signal.addEventListener('abort', stop);
  await once(program.child, 'exit');
  signal.removeEventListener('abort', stop);
  clearTimeout(deadline);
  signal.throwIfAborted();
  if (program.child.signalCode !== null) throw new Error(`the suite did not end within ${RUN_MILLIS_MAX} ms: ${program.output().slice(-1000)}`);
  return { ...readResults(run.directory), isConformant: program.child.exitCode === 0, output: program.output() };
}

function argumentsOf({ url, requirements, apiKey, directory }: SuiteRun): string[] {
  const preload = apiKey === undefined ? [] : ['--import', ADD_KEY];
  const target = ['--url', url, '--requirements', requirements];
  return [...preload, SUITE, 'server', ...target, '--timeout', String(SCENARIO_MILLIS_MAX), '--output-dir', directory];
}

function readResults(directory: string): Pick<SuiteResult, 'passed' | 'failed'> {
  const passed: string[] = [];
  const failed: string[] = [];
  for (const file of globSync('*/checks.json', { cwd: directory }).toSorted()) {
    const scenario = RESULT_DIRECTORY.exec(basename(dirname(file)))?.[1] ?? file;
    const seen = new Map<string, number>();
    for (const { id, description, status } of checksSchema.parse(JSON.parse(readFileSync(join(directory, file), 'utf8')))) {
      const name = `${scenario}: ${id}, ${description}`;
      const count = (seen.get(name) ?? 0) + 1;
      seen.set(name, count);
      const line = count === 1 ? name : `${name} (${count})`;
      if (status === 'SUCCESS') passed.push(line);
      if (status === 'FAILURE') failed.push(line);
    }
  }
  return { passed, failed };
}
