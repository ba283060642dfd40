/** Tells how soon changes were enforced, kind by kind, as a section of the page about performance. */
import { availableParallelism, cpus, loadavg } from 'node:os';
import { FEED_HEADING } from './performance-page.ts';

export interface KindFigures {
  readonly kind: string;
  /** Of each change, until the last node enforced it. */
  readonly millis: readonly number[];
}

const P99_MILLIS_MAX = 500;

export function feedSection(figures: readonly KindFigures[], nodes: number): string {
  const all = figures.flatMap(({ millis }) => millis);
  const byWorst = figures.map(({ kind, millis }) => ({ kind, p99: quantile(millis, 0.99) })).toSorted((one, other) => other.p99 - one.p99);
  const [worst = { kind: 'none', p99: Number.NaN }] = byWorst;
  return `${FEED_HEADING}
\`npm run bench:feed -- --write\`, ${new Date().toISOString().slice(0, 10)}: ${nodes} data planes, a control plane, PostgreSQL and Redis as programs of their own on ${cpus()[0]?.model ?? 'an unknown processor'} (${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)} at the end), Node ${process.versions.node}.

| change | changes | p50 ms | p99 ms | worst ms |
|---|---|---|---|---|
${[...figures.map(({ kind, millis }) => row(kind, millis)), row('**all**', all)].join('\n')}

Goal: p99 ≤ ${P99_MILLIS_MAX} ms. Measured: ${quantile(all, 0.99).toFixed(0)} ms over all, ${worst.p99.toFixed(0)} ms for the worst kind (${worst.kind}): ${worst.p99 <= P99_MILLIS_MAX ? 'reached by every kind' : '**missed**'}.

From the answer to the mutation until a call on each of the nodes has shown the change, so the last node's time counts, the calls' own time with it. A change comes a tenth of a second after the one before it is in force
everywhere; each node is called every few milliseconds meanwhile. With fewer than a hundred changes of a kind, its p99 is its worst.
`;
}

function row(kind: string, millis: readonly number[]): string {
  const [p50, p99, worst] = [0.5, 0.99, 1].map((share) => quantile(millis, share).toFixed(1));
  return `| ${kind} | ${millis.length} | ${p50} | ${p99} | ${worst} |`;
}

/** The smallest value that so large a share of all does not exceed; NaN of nothing. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
