/** Tells the figures of a run as a page: the contenders, the goals, and how it was measured. */
import { availableParallelism, cpus, release } from 'node:os';
import type { ContenderName } from './contenders.ts';
import { goalsOf, leastCpu, median, type Figures, type Goal } from './goals.ts';
import type { Round } from './measure.ts';

const TITLES: Readonly<Record<ContenderName, string>> = {
  nginx: 'nginx, one worker, keep-alive upstream',
  'bare-proxy': '`node:http` + undici proxy, no governance',
  'governed-with-redis': 'Turnpike, counters in Redis',
  'governed-in-process': 'Turnpike, counters in process',
};

export function report(figures: Figures, run: { readonly rounds: number; readonly seconds: number }): string {
  const nginxMicros = leastCpu(figures.contenders.get('nginx') ?? []);
  const rows = [...figures.contenders].map(([name, rounds]) => rowOf(name, rounds, nginxMicros));
  return `# Performance

\`npm run bench -- --write\`, ${new Date().toISOString().slice(0, 10)}: ${run.rounds} rounds of ${run.seconds} s on ${cpus()[0]?.model ?? 'an unknown processor'} (${availableParallelism()} cores), Linux ${release()}, Node ${process.versions.node}.

| contender | CPU µs a call | × nginx | Redis CPU µs | calls/s | p50 ms | p99 ms |
|---|---|---|---|---|---|---|
${rows.join('\n')}
| no proxy | – | – | – | – | ${two(median(figures.direct.map(({ p50Millis }) => p50Millis)))} | ${two(median(figures.direct.map(({ p99Millis }) => p99Millis)))} |

| # | goal | measured | must | aim | |
|---|---|---|---|---|---|
${goalsOf(figures).map(goalRow).join('\n')}

${figures.failedWindows === 0 ? '' : `${figures.failedWindows} windows were left out, because calls failed in them: the machine was busy with other things.\n\n`}*Must* is what a release may not fall behind; *aim* is what the design is good for. A goal that is missed stays in the table as missed.

${METHOD}`;
}

const METHOD = `## How it is measured
The contenders take turns, round by round, each alone at work on core 0; the load (wrk), the tool server and Redis share core 1. A round that does not count comes first, since programs that have just started are still being compiled, and a second of warm-up precedes each window.
Times differ from machine to machine and from hour to hour, so read the ratios, and only within one run.

**CPU.** 32 connections call as fast as they get answers. What \`/proc/PID/stat\` says the contender used in the window, threads and children included, is divided by the
calls that wrk counted in it. The figure is the least disturbed round's, since whatever disturbs a round only adds to it. A call is a \`tools/call\` of 250 bytes, its answer
has about 300.

**Waiting.** The same 32 connections pause between calls so that 1,000 a second leave together, spread by chance. wrk with pauses rather than a client in Node: it takes next to
nothing from the core that the tool server and Redis need, and its own garbage collection is in nobody's tail. p50 and p99 are the medians of the rounds; added latency is the difference to calling
the tool server without a proxy in the same round, and the p99 is compared with nginx's in the same round.

**Governance.** Everything that production has on: key, grant, policies of organisation, team, key and server, each with address lists and payload limits, with five request rates and two concurrency limits between them;
blocked tools, a filter of 50 phrases, prices, two budgets, two quotas, and a usage event for every call. Redis writes its append-only file, and a reader takes the usage events from it as the
intake does; both are in the figures of Redis. On a machine of its own it would not be in the callers' way, so it lets Redis and the tool server go first. Limits are exact: one script call that the request waits for, one behind its back. A run fails unless the
usage events are as many as the calls that reached the tool server. A window in which a call was denied or failed is left out, and the page says how many were.

**Profiles.** \`npx tsx test/bench/profile.ts\` runs one contender under the same load and prints where its time goes.
`;

function rowOf(name: ContenderName, rounds: readonly Round[], nginxMicros: number): string {
  const micros = leastCpu(rounds);
  const redis = name === 'governed-with-redis' ? two(Math.min(...rounds.map(({ redisMicros }) => redisMicros))) : '–';
  const perSecond = rounds.length === 0 ? 'not measured' : Math.round(Math.max(...rounds.map(({ closedLoop }) => closedLoop.callsPerSecond)));
  const p50 = median(rounds.map(({ steady }) => steady.p50Millis));
  const p99 = median(rounds.map(({ steady }) => steady.p99Millis));
  const ratio = two(micros / nginxMicros);
  return `| ${TITLES[name]} | ${two(micros)} | ${ratio} | ${redis} | ${perSecond} | ${two(p50)} | ${two(p99)} |`;
}

function goalRow({ row, what, unit, must, aim, measured }: Goal): string {
  const verdict = measured <= aim ? 'aim reached' : measured <= must ? 'must reached' : '**missed**';
  return `| ${row} | ${what} | ${two(measured)} ${unit} | ≤ ${must} | ≤ ${aim} | ${verdict} |`;
}

/** A contender whose windows were all left out has no figures. */
function two(value: number): string {
  return Number.isFinite(value) ? value.toFixed(2) : 'not measured';
}
