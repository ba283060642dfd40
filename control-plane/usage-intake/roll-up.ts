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
  await add(em, 'usage_hours', hours.map(toRow));
  await add(em, 'usage_days', sumsBy(hours, DAY_MILLIS, EVERY_PLACE).map(toRow));
  const slices = SLICE_PLACES.map(({ slice, places }) => ({ slice, places, hours: sumsBy(hours, HOUR_MILLIS, places) }));
  await add(
    em,
    'usage_hour_slices',
    slices.flatMap(({ slice, hours: sliced }) => sliced.map((sums) => ({ slice, ...toRow(sums) }))),
  );
  await add(
    em,
    'usage_day_slices',
    slices.flatMap(({ slice, places, hours: sliced }) => sumsBy(sliced, DAY_MILLIS, places).map((sums) => ({ slice, ...toRow(sums) }))),
  );
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

async function add(em: EntityManager, table: string, rows: readonly Record<string, unknown>[]): Promise<void> {
  await em.execute(upsert(table), [JSON.stringify(rows)]);
}

/** A bucket without calls stays null, which takes no room. */
function upsert(table: string): string {
  const columns = table.endsWith('_slices') ? ['slice text', ...COLUMNS] : COLUMNS;
  const told = table.endsWith('_slices') ? 'organisation_id, slice, at, dimensions' : 'organisation_id, at, dimensions';
  const sums = SUMS.map((column) => column.slice(0, column.indexOf(' '))).map((name) => `${name} = sums.${name} + excluded.${name}`);
  const latencies = LATENCY_COLUMNS.map((name) => `${name} = coalesce(sums.${name} + excluded.${name}, sums.${name}, excluded.${name})`);
  return `${insertFrom(`${table} as sums`, columns)} on conflict (${told}) do update set ${[...sums, ...latencies].join(', ')}`;
}
