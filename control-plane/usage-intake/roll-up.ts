/** Adds new usage to its sums per hour and per day, in the transaction that stores the records. */
import { hash } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { UsageEvent } from '../../shared/usage-event.ts';
import { LATENCY_COLUMNS, latencyBucketOf } from '../usage/latency-buckets.ts';
import { DIMENSION_FIELDS } from '../usage/usage-dimensions.ts';
import { insertFrom } from './stored-rows.ts';

const UNITS = [
  { table: 'usage_hours', millis: 3_600_000 },
  { table: 'usage_days', millis: 86_400_000 },
] as const;
const SUMS = ['calls bigint', 'input_bytes bigint', 'output_bytes bigint', 'cost_nanos_usd numeric'];
const COLUMNS = [
  'organisation_id text',
  'at timestamptz',
  'dimensions uuid',
  ...DIMENSION_FIELDS.map(({ column }) => `${column} text`),
  ...SUMS,
  ...LATENCY_COLUMNS.map((column) => `${column} bigint`),
];

interface Sums {
  readonly organisationId: string;
  readonly at: number;
  readonly key: string;
  readonly dimensions: readonly unknown[];
  calls: number;
  inputBytes: bigint;
  outputBytes: bigint;
  costNanosUsd: bigint;
  readonly latencies: Map<number, number>;
}

/** What belongs to no organisation is in no sum: there is nobody who may look at it. */
export async function rollUp(em: EntityManager, events: readonly UsageEvent[]): Promise<void> {
  for (const { table, millis } of UNITS) {
    const rows = [...sumsOf(events, millis).values()].map(toRow);
    if (rows.length > 0) await em.execute(upsert(table), [JSON.stringify(rows)]);
  }
}

function sumsOf(events: readonly UsageEvent[], unitMillis: number): Map<string, Sums> {
  const all = new Map<string, Sums>();
  for (const event of events) {
    if (event.organisationId === null) continue;
    const at = Math.floor(event.timeMillis / unitMillis) * unitMillis;
    const dimensions = DIMENSION_FIELDS.map(({ field }) => event[field]);
    const key = JSON.stringify([event.organisationId, at, dimensions]);
    let sums = all.get(key);
    if (sums === undefined) {
      sums = { organisationId: event.organisationId, at, key, dimensions, calls: 0, inputBytes: 0n, outputBytes: 0n, costNanosUsd: 0n, latencies: new Map() };
      all.set(key, sums);
    }
    add(sums, event);
  }
  return all;
}

function add(sums: Sums, { inputBytes, outputBytes, costNanosUsd, latencyMicros }: UsageEvent): void {
  sums.calls++;
  sums.inputBytes += BigInt(inputBytes);
  sums.outputBytes += BigInt(outputBytes);
  sums.costNanosUsd += BigInt(costNanosUsd);
  const bucket = latencyBucketOf(latencyMicros);
  sums.latencies.set(bucket, (sums.latencies.get(bucket) ?? 0) + 1);
}

/** Callers choose some of the dimensions, so the hash that stands for all of them is one that nobody can make collide. */
function toRow({ organisationId, at, key, dimensions, latencies, ...sums }: Sums): Record<string, unknown> {
  return {
    organisation_id: organisationId,
    at: new Date(at),
    dimensions: hash('sha256', key).slice(0, 32),
    ...Object.fromEntries(DIMENSION_FIELDS.map(({ column }, index) => [column, dimensions[index]])),
    calls: sums.calls,
    input_bytes: String(sums.inputBytes),
    output_bytes: String(sums.outputBytes),
    cost_nanos_usd: String(sums.costNanosUsd),
    ...Object.fromEntries([...latencies].map(([bucket, calls]) => [`l${bucket}`, calls])),
  };
}

/** A bucket without calls stays null, which takes no room. */
function upsert(table: string): string {
  const sums = SUMS.map((column) => column.slice(0, column.indexOf(' '))).map((name) => `${name} = sums.${name} + excluded.${name}`);
  const latencies = LATENCY_COLUMNS.map((name) => `${name} = coalesce(sums.${name} + excluded.${name}, sums.${name}, excluded.${name})`);
  return `${insertFrom(`${table} as sums`, COLUMNS)} on conflict (organisation_id, at, dimensions) do update set ${[...sums, ...latencies].join(', ')}`;
}
