/** The months in which usage is stored: made ahead, filled with what had to wait for them, and dropped whole when their time is over. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { idsFrom, timeOfId } from '../../shared/ids.ts';
import { sealDroppedMonth } from '../usage-seals/seal-usage.ts';
import { lockUsage } from './usage-lock.ts';

const TABLES = ['usage_records', 'mcp_usage_records'] as const;
type Table = (typeof TABLES)[number];

/** This month and the next ones, so that a control plane may rest for some weeks. */
const MONTHS_AHEAD = 3;
/** What waits for older months is moved into so many of them at once; the rest when this is done again. */
const OLD_MONTHS_MAX = 60;
const DAY_MILLIS = 86_400_000;
/** Whatever looks like one of our ids; text that only begins like one has no time. */
const REQUEST_ID = '^req_[0-7][0-9a-hjkmnp-tv-z]{25}$';

const namesSchema = z.array(z.object({ name: z.string() }));
const oldestSchema = z.object({ oldest: z.string().nullable() });

/** A calendar month in UTC. */
interface Month {
  readonly name: string;
  readonly startMillis: number;
  readonly endMillis: number;
}

/** Does what is due, and nothing when it was done already. A record is in the month of its request id, and in no other when it is told again. */
export async function keepPartitions(em: EntityManager, nowMillis: number, retentionDays: number | undefined): Promise<void> {
  for (const table of TABLES) {
    await inTurn(em, (keeper) => makeMonths(keeper, table, nowMillis));
    if (retentionDays !== undefined) await inTurn(em, (keeper) => dropMonths(keeper, table, nowMillis - retentionDays * DAY_MILLIS));
  }
}

/** Nobody writes meanwhile, and of several replicas one does it. */
function inTurn(em: EntityManager, work: (keeper: EntityManager) => Promise<void>): Promise<void> {
  return em.fork().transactional(async (keeper) => {
    await lockUsage(keeper);
    await keeper.execute('set local statement_timeout = 0');
    await work(keeper);
  });
}

async function makeMonths(em: EntityManager, table: Table, nowMillis: number): Promise<void> {
  const known = new Set(await monthsOf(em, table));
  const ahead = Array.from({ length: MONTHS_AHEAD }, (_, index) => monthOf(nowMillis, index));
  for (const month of ahead) if (!known.has(month.name)) await makeMonth(em, table, month);
  for (let made = 0; made < OLD_MONTHS_MAX; made++) {
    const millis = await oldestWaiting(em, table, ahead[0]?.startMillis ?? nowMillis);
    if (millis === undefined) return;
    await makeMonth(em, table, monthOf(millis));
  }
}

/** What is in the default partition would be in the way of the month that it belongs to. */
async function makeMonth(em: EntityManager, table: Table, { name, startMillis, endMillis }: Month): Promise<void> {
  const [from, to] = [idsFrom('request', startMillis), idsFrom('request', endMillis)];
  const partition = `${table}_${name}`;
  // A reader that has looked up the partitions already would find what is moved neither here nor there.
  await em.execute(`lock table only ${table}`);
  await em.execute(`create table ${partition} (like ${table} including defaults)`);
  await em.execute(`select guard_tenant('${partition}')`);
  await em.execute(
    `with moved as (delete from ${table}_default where request_id >= ? and request_id < ? returning *) insert into ${partition} select * from moved`,
    [from, to],
  );
  await em.execute(`alter table ${table} attach partition ${partition} for values from ('${from}') to ('${to}')`);
}

async function dropMonths(em: EntityManager, table: Table, keptFromMillis: number): Promise<void> {
  for (const name of await monthsOf(em, table)) {
    const [year = 0, month = 0] = name.split('_').map(Number);
    if (Date.UTC(year, month) > keptFromMillis) continue;
    await em.execute(`drop table ${table}_${name}`);
    if (table === 'usage_records') await sealDroppedMonth(em, Date.UTC(year, month - 1));
  }
}

/** Names of the months that there are, as `2026_11`. */
async function monthsOf(em: EntityManager, table: Table): Promise<string[]> {
  const rows = await em.execute(
    `select substr(child.relname, ?) as name from pg_inherits join pg_class child on child.oid = inhrelid
      where inhparent = ?::regclass and child.relname ~ ? order by child.relname`,
    [table.length + 2, table, `^${table}_\\d{4}_\\d{2}$`],
  );
  return namesSchema.parse(rows).map(({ name }) => name);
}

/** The time of the oldest id in the default partition that should be in a month of its own by now. */
async function oldestWaiting(em: EntityManager, table: Table, beforeMillis: number): Promise<number | undefined> {
  const rows = await em.execute(`select min(request_id) as oldest from ${table}_default where request_id < ? and request_id ~ ?`, [
    idsFrom('request', beforeMillis),
    REQUEST_ID,
  ]);
  const { oldest } = oldestSchema.parse(rows[0]);
  return oldest === null ? undefined : timeOfId('request', oldest);
}

function monthOf(millis: number, monthsLater = 0): Month {
  const date = new Date(millis);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth() + monthsLater];
  const startMillis = Date.UTC(year, month);
  return { name: new Date(startMillis).toISOString().slice(0, 7).replace('-', '_'), startMillis, endMillis: Date.UTC(year, month + 1) };
}
