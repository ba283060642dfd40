/** The goals that a run is held against, and what it measured of each. */
import type { ContenderName } from './contenders.ts';
import type { Window } from './load.ts';
import type { Round } from './measure.ts';

export interface Figures {
  /** The sound rounds of each contender that took part. */
  readonly contenders: ReadonlyMap<ContenderName, Round[]>;
  /** The waiting without any proxy, by round. */
  readonly direct: Window[];
  /** Windows that were left out because calls failed in them. */
  failedWindows: number;
  /** Scripts that Redis ran for a call that was alone on its way; undefined when that contender did not take part. */
  scriptsOfOneCall: number | undefined;
}

export interface Goal {
  /** The number of the goal in the design. */
  readonly row: number;
  readonly what: string;
  readonly unit: string;
  readonly must: number;
  readonly aim: number;
  readonly measured: number;
}

/** Only those whose contenders took part. */
export function goalsOf(figures: Figures): Goal[] {
  const rounds = (name: ContenderName): readonly Round[] => figures.contenders.get(name) ?? [];
  const [nginx, bare, redis, memory] = [rounds('nginx'), rounds('bare-proxy'), rounds('governed-with-redis'), rounds('governed-in-process')];
  const added = redis.map(({ number, steady }) => steady.p50Millis - (figures.direct[number - 1]?.p50Millis ?? Number.NaN));
  const tail = redis.flatMap(({ number, steady }) =>
    nginx.filter((other) => other.number === number).map((other) => steady.p99Millis / other.steady.p99Millis),
  );
  const all: Goal[] = [
    { row: 1, what: 'CPU of a governed call, counters in Redis', unit: '× nginx', must: 6.5, aim: 5, measured: leastCpu(redis) / leastCpu(nginx) },
    { row: 1, what: 'CPU of a governed call, counters in process', unit: '× nginx', must: 6.5, aim: 5, measured: leastCpu(memory) / leastCpu(nginx) },
    { row: 2, what: 'governance tax, counters in Redis', unit: '× bare proxy', must: 1.8, aim: 1.4, measured: leastCpu(redis) / leastCpu(bare) },
    { row: 2, what: 'governance tax, counters in process', unit: '× bare proxy', must: 1.8, aim: 1.4, measured: leastCpu(memory) / leastCpu(bare) },
    { row: 4, what: 'added latency at 1,000 calls/s, p50', unit: 'ms', must: 0.7, aim: 0.4, measured: median(added) },
    { row: 4, what: 'latency at 1,000 calls/s, p99', unit: '× nginx', must: 3, aim: 3, measured: median(tail) },
    { row: 5, what: 'CPU of Redis', unit: 'µs a call', must: 20, aim: 8, measured: least(redis.map(({ redisMicros }) => redisMicros)) },
    {
      row: 5,
      what: 'scripts in Redis for a call alone, one of them awaited',
      unit: 'scripts',
      must: 2.1,
      aim: 2.1,
      measured: figures.scriptsOfOneCall ?? Number.NaN,
    },
  ];
  return all.filter(({ measured }) => Number.isFinite(measured));
}

/** Of the least disturbed round: whatever disturbs one only adds to it. */
export function leastCpu(rounds: readonly Round[]): number {
  return least(rounds.map(({ cpuMicros }) => cpuMicros));
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return ((sorted[(sorted.length - 1) >> 1] ?? Number.NaN) + (sorted[sorted.length >> 1] ?? Number.NaN)) / 2;
}

function least(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : Math.min(...values);
}
