/** Tells the figures as a page: each contender's best round, its ratio to nginx, and the goals. */
import { cpus } from 'node:os';

export interface Figures {
  /** Of the contender, per request, by round. */
  readonly cpuMicros: number[];
  readonly redisMicros: number[];
  readonly perSecond: number[];
  readonly p50Millis: number[];
  readonly p99Millis: number[];
  /** At 1,000 calls a second. */
  readonly steady: { readonly p50Millis: number; readonly p99Millis: number }[];
}

interface Goal {
  readonly row: string;
  readonly goal: string;
  readonly measured: number;
  readonly must: number;
  readonly aim: number;
  readonly unit: string;
}

export function report(figures: ReadonlyMap<string, Figures>, run: { rounds: string; seconds: string }): string {
  const goals = goalsOf(figures);
  return `# Performance

\`npm run bench -- --write\`, ${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.versions.node}: ${run.rounds} rounds of ${run.seconds} s.

| contender | CPU µs a request | × nginx | Redis CPU µs | calls/s | at 1,000 calls/s: p50 ms | p99 ms |
|---|---|---|---|---|---|---|
${[...figures].map(([name, row]) => rowOf(name, row, best(of(figures, 'nginx').cpuMicros))).join('\n')}

| # | goal | measured | must | aim | |
|---|---|---|---|---|---|
${goals.map((goal) => `| ${goal.row} | ${goal.goal} | ${round(goal.measured)} ${goal.unit} | ≤ ${goal.must} | ≤ ${goal.aim} | ${verdict(goal)} |`).join('\n')}

## How it is measured
The contenders take turns, round by round, each on core 0 alone; the load (wrk, 32 connections, closed loop), the tool server and Redis share core 1.
A second of warm-up precedes each window. The cost of a request is what \`/proc/PID/stat\` says a contender and its children used over the window, divided by the requests that
wrk counted; the figure is the best round's, since everything that disturbs a round only adds to it. The call is a \`tools/call\` of 250 bytes, the answer has 300.

The governed contenders have everything on that production has on: key, grant, policies of organisation, team, key and server with address lists, two request rates, payload and concurrency
limits each, blocked tools, a filter of 24 keywords, prices, two budgets, two quotas, and a usage event for every call, whose number is checked at the end. Limits are exact: one script call
before the upstream, one behind the request's back.

The waiting at 1,000 calls a second is measured by a load that sends on schedule whether answers come or not, from the moment a call was due. The added latency is the difference of the medians to nginx in the same round, the smallest of the rounds; the p99 is compared
with nginx's in the same round, the smallest ratio of the rounds. Everything on these machines is noisy: compare ratios of one run, never times of two.
`;
}

function goalsOf(figures: ReadonlyMap<string, Figures>): Goal[] {
  const [nginx, bare, redis, memory] = [of(figures, 'nginx'), of(figures, 'bare proxy'), of(figures, 'governed, Redis'), of(figures, 'governed, in process')];
  const added = redis.steady.map(({ p50Millis }, index) => p50Millis - (nginx.steady[index]?.p50Millis ?? 0));
  const tail = redis.steady.map(({ p99Millis }, index) => p99Millis / (nginx.steady[index]?.p99Millis ?? 1));
  return [
    { row: '1', goal: 'CPU of a governed call, Redis', measured: best(redis.cpuMicros) / best(nginx.cpuMicros), must: 6.5, aim: 5, unit: '× nginx' },
    { row: '1', goal: 'CPU of a governed call, in process', measured: best(memory.cpuMicros) / best(nginx.cpuMicros), must: 6.5, aim: 5, unit: '× nginx' },
    { row: '2', goal: 'governance tax, Redis', measured: best(redis.cpuMicros) / best(bare.cpuMicros), must: 1.8, aim: 1.4, unit: '× bare' },
    { row: '2', goal: 'governance tax, in process', measured: best(memory.cpuMicros) / best(bare.cpuMicros), must: 1.8, aim: 1.4, unit: '× bare' },
    { row: '4', goal: 'added latency at 1,000 calls/s, p50', measured: best(added), must: 0.7, aim: 0.4, unit: 'ms' },
    { row: '4', goal: 'p99 at 1,000 calls/s', measured: best(tail), must: 3, aim: 3, unit: '× nginx' },
    { row: '5', goal: 'Redis CPU of a call', measured: best(redis.redisMicros), must: 20, aim: 8, unit: 'µs' },
  ];
}

function rowOf(name: string, row: Figures, nginxMicros: number): string {
  const micros = best(row.cpuMicros);
  const redis = name === 'governed, Redis' ? round(best(row.redisMicros)) : '–';
  const steady = (pick: 'p50Millis' | 'p99Millis') => round(best(row.steady.map((each) => each[pick])));
  return `| ${name} | ${round(micros)} | ${round(micros / nginxMicros)} | ${redis} | ${Math.round(Math.max(...row.perSecond))} | ${steady('p50Millis')} | ${steady('p99Millis')} |`;
}

function of(figures: ReadonlyMap<string, Figures>, name: string): Figures {
  const found = figures.get(name);
  if (found === undefined) throw new Error(`${name} was not measured`);
  return found;
}

function best(rounds: readonly number[]): number {
  return Math.min(...rounds);
}

function round(value: number): string {
  return value.toFixed(2);
}

function verdict({ measured, must, aim }: Goal): string {
  if (measured <= aim) return 'aim reached';
  return measured <= must ? 'must reached' : '**missed**';
}
