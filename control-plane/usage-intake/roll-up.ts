/** Adds new usage to its sums per hour and per day, and to their slices, in the transaction that stores the records. */
import { hash } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { UsageEvent } from '../../shared/usage-event.ts';
import { LATENCY_COLUMNS, latencyBucketOf } from '../usage/latency-buckets.ts';
import { DIMENSION_FIELDS } from '../usage/usage-dimensions.ts';
import { SLICES } from '../usage/usage-slices.ts';
import { insertFrom } from './stored-rows.ts';

const HOUR_MILLIS = 3_600_000;
const DAY_MILLIS = 86_400_000;
const SUMS = ['calls bigint', 'input_bytes bigint', 'output_bytes bigint', 'cost_nanos_usd numeric'];
const COLUMNS = [
  'organisation_id text',
  'at timestamptz',
  'dimensions uuid',
  ...DIMENSION_FIELDS.map(({ column }) => `${column} text`),
  ...SUMS,
  ...LATENCY_COLUMNS.map((column) => `${column} bigint`),
];
const SLICE_COLUMN = 'slice text';
const SLICE_COLUMNS = [SLICE_COLUMN, ...COLUMNS];
/** By which of the dimensions each slice is told apart, as their places in the fixed order. */
const SLICE_PLACES = SLICES.map(({ name, columns }) => {
  const told = new Set<string>(columns);
  return { slice: name, places: DIMENSION_FIELDS.flatMap(({ column }, place) => (told.has(column) ? [place] : [])) };
});
const EVERY_PLACE = DIMENSION_FIELDS.map((_, place) => place);

interface Sums {
  readonly organisationId: string;
  readonly at: number;
  readonly key: string;
  /** Those that the sums are not told apart by are null. */
  readonly dimensions: readonly unknown[];
  calls: number;
  inputBytes: bigint;
  outputBytes: bigint;
  costNanosUsd: bigint;
  readonly latencies: Map<number, number>;
}

/** What belongs to no organisation is in no sum: there is nobody who may look at it. */
export async function rollUp(em: EntityManager, events: readonly UsageEvent[]): Promise<void> {
  const hours = sumsBy(events.flatMap(ofOne), HOUR_MILLIS, EVERY_PLACE);
  if (hours.length === 0) return;
  const days = sumsBy(hours, DAY_MILLIS, EVERY_PLACE);
  await em.execute(upsert('usage_hours', COLUMNS), [JSON.stringify(hours.map(toRow))]);
  await em.execute(upsert('usage_days', COLUMNS), [JSON.stringify(days.map(toRow))]);
  await em.execute(upsert('usage_hour_slices', SLICE_COLUMNS), [JSON.stringify(slicesOf(hours, HOUR_MILLIS))]);
  await em.execute(upsert('usage_day_slices', SLICE_COLUMNS), [JSON.stringify(slicesOf(days, DAY_MILLIS))]);
}

function slicesOf(sums: readonly Sums[], unitMillis: number): Record<string, unknown>[] {
  return SLICE_PLACES.flatMap(({ slice, places }) => sumsBy(sums, unitMillis, places).map((sliced) => ({ slice, ...toRow(sliced) })));
}

function ofOne(event: UsageEvent): Sums[] {
  const { organisationId, timeMillis: at, inputBytes, outputBytes, costNanosUsd, latencyMicros } = event;
  if (organisationId === null) return [];
  const dimensions = DIMENSION_FIELDS.map(({ field }) => event[field]);
  const amounts = { calls: 1, inputBytes: BigInt(inputBytes), outputBytes: BigInt(outputBytes), costNanosUsd: BigInt(costNanosUsd) };
  return [{ organisationId, at, key: '', dimensions, ...amounts, latencies: new Map([[latencyBucketOf(latencyMicros), 1]]) }];
}

/** Sums of longer times or fewer dimensions. */
function sumsBy(parts: readonly Sums[], unitMillis: number, places: readonly number[]): Sums[] {
  const all = new Map<string, Sums>();
  for (const part of parts) {
    const { organisationId } = part;
    const at = Math.floor(part.at / unitMillis) * unitMillis;
    const key = JSON.stringify([organisationId, at, places.map((place) => part.dimensions[place])]);
    const sums = all.get(key);
    if (sums !== undefined) addTo(sums, part);
    else {
      const dimensions = part.dimensions.map((dimension, place) => (places.includes(place) ? dimension : null));
      all.set(key, { ...part, at, key, dimensions, latencies: new Map(part.latencies) });
    }
  }
  return [...all.values()];
}

function addTo(sums: Sums, { calls, inputBytes, outputBytes, costNanosUsd, latencies }: Sums): void {
  sums.calls += calls;
  sums.inputBytes += inputBytes;
  sums.outputBytes += outputBytes;
  sums.costNanosUsd += costNanosUsd;
  for (const [bucket, count] of latencies) sums.latencies.set(bucket, (sums.latencies.get(bucket) ?? 0) + count);
}

/** Callers choose some of the dimensions, so the hash that stands for all of them is one that nobody can make collide. */
function toRow({ organisationId, at, key, dimensions, latencies, ...sums }: Sums): Record<string, unknown> {
  const row: Record<string, unknown> = {
    organisation_id: organisationId,
    at: new Date(at),
    dimensions: hash('sha256', key).slice(0, 32),
    calls: sums.calls,
    input_bytes: String(sums.inputBytes),
    output_bytes: String(sums.outputBytes),
    cost_nanos_usd: String(sums.costNanosUsd),
  };
  for (const [place, { column }] of DIMENSION_FIELDS.entries()) if (dimensions[place] !== null) row[column] = dimensions[place];
  for (const [bucket, calls] of latencies) row[`l${bucket}`] = calls;
  return row;
}

/** A bucket without calls stays null, which takes no room. */
function upsert(table: string, columns: readonly string[]): string {
  const told = columns.includes(SLICE_COLUMN) ? 'organisation_id, slice, at, dimensions' : 'organisation_id, at, dimensions';
  const sums = SUMS.map((column) => column.slice(0, column.indexOf(' '))).map((name) => `${name} = sums.${name} + excluded.${name}`);
  const latencies = LATENCY_COLUMNS.map((name) => `${name} = coalesce(sums.${name} + excluded.${name}, sums.${name}, excluded.${name})`);
  return `${insertFrom(`${table} as sums`, columns)} on conflict (${told}) do update set ${[...sums, ...latencies].join(', ')}`;
}
