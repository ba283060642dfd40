/** The ORM on its PostgreSQL: how it connects, what it knows, and how the schema is brought up to date. */
import { setTimeout as wait } from 'node:timers/promises';
import { Migrator } from '@mikro-orm/migrations';
import { MikroORM, type EntityManager } from '@mikro-orm/postgresql';
import { Client, type ClientConfig } from 'pg';
import type { Logger } from 'pino';
import { AuditWriter } from '../audit/audit-writer.ts';
import { ClaimMarker } from '../idempotency/claim.ts';
import { ENTITIES } from './entities.ts';
import { giveBackLostConnections } from './lost-connections.ts';
import { MIGRATIONS } from './migrations/list.ts';
import { TENANT_ROLE } from './roles.ts';

const STATEMENT_TIMEOUT_MILLIS = 10_000;
const LOCK_TIMEOUT_MILLIS = 5000;
const CONNECTION_TIMEOUT_MILLIS = 5000;
const READY_MILLIS = 3000;
const CONNECTIONS_MAX = 10;
/** Any number, the same in every replica: only one of them migrates at a time. */
const MIGRATION_LOCK = 7_261_001;
const RETRY_MILLIS_MAX = 5000;

/** What `pg` connects with. */
export interface DatabaseConnection {
  readonly host: string;
  readonly port: number;
  readonly user?: string;
  readonly password?: string;
  readonly database: string;
  readonly ssl: ClientConfig['ssl'];
}

/** Reads the URL as `pg` itself does, `sslmode` included; for a unix socket its directory stands as `?host=`. */
export function connectionOf(databaseUrl: string): DatabaseConnection {
  const { host, port, user, password, database, ssl } = new Client({ connectionString: databaseUrl });
  return {
    // A bracketed IPv6 address is how a URL writes it, not how it is connected to.
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port,
    database: database ?? '',
    ssl,
    ...(user === undefined ? {} : { user }),
    ...(password == null ? {} : { password }),
  };
}

/** Connections are of the role that is named, or else of whoever the URL signs in, who may be the owner of the tables. */
export async function openOrm(databaseUrl: string, log: Logger, role?: string): Promise<MikroORM> {
  const { database, ssl, ...connection } = connectionOf(databaseUrl);
  return MikroORM.init({
    ...connection,
    dbName: database,
    entities: ENTITIES,
    // In this order: the lock of the audit trail is the last that a transaction takes.
    subscribers: [new ClaimMarker(), new AuditWriter()],
    extensions: [Migrator],
    migrations: { migrationsList: MIGRATIONS, tableName: 'turnpike_migrations', snapshot: false, allOrNothing: true, silent: true },
    pool: { min: 0, max: CONNECTIONS_MAX },
    driverOptions: {
      ssl,
      statement_timeout: STATEMENT_TIMEOUT_MILLIS,
      lock_timeout: LOCK_TIMEOUT_MILLIS,
      connectionTimeoutMillis: CONNECTION_TIMEOUT_MILLIS,
      onPoolCreated: giveBackLostConnections,
      ...(role === undefined ? {} : { options: `-c role=${role}` }),
    },
    logger: (message) => log.debug(message),
    debug: false,
  });
}

/** Migrates as the owner of the tables, and then opens them as a role that sees no organisation until it names one. */
export async function openMigratedOrm(databaseUrl: string, log: Logger, signal?: AbortSignal): Promise<MikroORM> {
  const owner = await openOrm(databaseUrl, log);
  try {
    await migrate(owner, log, signal);
  } finally {
    await owner.close(true);
  }
  return openOrm(databaseUrl, log, TENANT_ROLE);
}

/** Brings the schema up to date; replicas that start together wait for each other. Waits for a PostgreSQL that is not there yet, until the signal. */
export async function migrate(orm: MikroORM, log: Logger, signal?: AbortSignal): Promise<void> {
  await waitForDatabase(orm, log, signal);
  await orm.em.fork().transactional(async (em) => {
    await em.execute('set local lock_timeout = 0; set local statement_timeout = 0');
    await em.execute('select pg_advisory_xact_lock(?)', [MIGRATION_LOCK]);
    // In this transaction, since a large database takes longer than a statement may otherwise.
    const transaction = em.getTransactionContext();
    await orm.migrator.up(transaction === undefined ? {} : { transaction });
  });
}

async function waitForDatabase(orm: MikroORM, log: Logger, signal: AbortSignal | undefined): Promise<void> {
  for (let retryMillis = 100; ; retryMillis = Math.min(RETRY_MILLIS_MAX, retryMillis * 2)) {
    try {
      await orm.em.fork().execute('select 1');
      return;
    } catch (error) {
      log.warn({ err: error }, 'PostgreSQL does not answer yet');
      await wait(retryMillis * (0.5 + Math.random() / 2), undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** Whether PostgreSQL answers within `READY_MILLIS`. */
export async function isDatabaseThere(em: EntityManager): Promise<boolean> {
  const answers = em
    .fork()
    .execute('select 1')
    .then(
      () => true,
      // Whatever the reason, the answer to the question is no; readiness says so, and the next request's error is logged.
      () => false,
    );
  return Promise.race([answers, wait(READY_MILLIS, false, { ref: false })]);
}
