import 'reflect-metadata';
import { pino } from 'pino';
import { startTestPostgres } from '../support/postgres.ts';
import { fillDatabase } from './large-configuration.ts';
import { openOrm, migrate } from '../../control-plane/database/orm.ts';
import { ApiKeyEntity } from '../../control-plane/api-keys/api-key.entity.ts';
import { McpServerEntity } from '../../control-plane/mcp-servers/mcp-server.entity.ts';
import { SecretKey } from '../../shared/secret-key.ts';
import { SecretSealer } from '../../shared/sealed-secret.ts';
import { monitorEventLoopDelay } from 'node:perf_hooks';
const db = await startTestPostgres();
const log = pino({ level: 'silent' });
const orm = await openOrm(db.url, log); await migrate(orm, log);
await db.query("insert into organisations (id, slug, name) values ('org_1','o','o')");
await fillDatabase(db, 'org_1', new SecretSealer(new SecretKey(Buffer.alloc(32, 7).toString('base64').replace('A','B'))));
async function run(name: string, page: (after: string) => Promise<{ id: string }[]>) {
  for (let i = 0; i < 2; i++) {
  const d = monitorEventLoopDelay({ resolution: 1 }); d.enable();
  const t = performance.now(); let after = ''; let n = 0; let first: unknown;
  for (;;) { const rows = await page(after); first ??= rows[0]; n += rows.length; if (rows.length < 1000) break; after = rows.at(-1)!.id; }
  console.log(name, n, Math.round(performance.now() - t), 'ms', 'block', (d.max / 1e6).toFixed(0), i === 0 ? first : '');
  }
}
const F = { tenant: false };
await run('find', async (a) => { const em = orm.em.fork(); return em.find(ApiKeyEntity, { id: { $gt: a } }, { filters: F, orderBy: { id: 'asc' }, limit: 1000 }); });
await run('find noidmap', async (a) => orm.em.fork().find(ApiKeyEntity, { id: { $gt: a } }, { filters: F, orderBy: { id: 'asc' }, limit: 1000, disableIdentityMap: true }));
await run('qb', async (a) => orm.em.fork().createQueryBuilder(ApiKeyEntity).select('*').where({ id: { $gt: a } }).orderBy({ id: 'asc' }).limit(1000).execute('all') as any);
await run('qb server', async (a) => orm.em.fork().createQueryBuilder(McpServerEntity).select('*').where({ id: { $gt: a } }).orderBy({ id: 'asc' }).limit(1000).execute('all') as any);
await run('driver', async (a) => orm.em.getDriver().find(ApiKeyEntity as any, { id: { $gt: a } } as any, { orderBy: { id: 'asc' }, limit: 1000 } as any) as any);
await run('raw', async (a) => orm.em.fork().execute('select * from api_keys where id > ? order by id limit 1000', [a]) as any);
await orm.close(true); await db.stop();
