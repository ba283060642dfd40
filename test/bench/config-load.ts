/** Measures how soon a data plane obeys a large configuration, and for how long its event loop is blocked meanwhile. */
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { z } from 'zod';
import { startConfig, type RunningConfig } from '../../data-plane/config/start-config.ts';
import { systemClock } from '../../shared/clock.ts';
import { SecretSealer } from '../../shared/sealed-secret.ts';
import { SecretKey } from '../../shared/secret-key.ts';
import { mintToken } from '../../shared/token.ts';
import { startTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { eventually } from '../support/processes.ts';
import { fillDatabase, GRANTS, KEYS, SERVERS } from './large-configuration.ts';

const CHANGES = 30;
/** Longer than changes are held back to go out together, so that each is a change of its own. */
const BETWEEN_CHANGES_MILLIS = 100;
const secretKeyText = randomBytes(32).toString('base64');
const secretKey = new SecretKey(secretKeyText);
const sealer = new SecretSealer(secretKey);
const { token } = mintToken('dataPlaneToken');
const directory = mkdtempSync(join(tmpdir(), 'turnpike-load-'));
const controlSchema = z.object({ longestBlockMillis: z.number(), rssMegabytes: z.number() });

const database = await startTestPostgres();
const control = fork(fileURLToPath(new URL('config-load-control.ts', import.meta.url)), {
  execArgv: ['--import', 'tsx'],
  stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  env: {
    PATH: process.env['PATH'],
    DATABASE_URL: database.url,
    CONTROL_PLANE_PORT: '0',
    TURNPIKE_SECRET_KEY: secretKeyText,
    DATA_PLANE_TOKEN: token,
    TURNPIKE_DATA_DIR: directory,
  },
});
try {
  await measure(database, control);
} finally {
  control.kill('SIGTERM');
  await once(control, 'exit');
  await database.stop();
  rmSync(directory, { recursive: true, force: true });
}

async function measure(postgres: TestDatabase, plane: ChildProcess): Promise<void> {
  const [line] = await once(plane.stdout ?? plane, 'data');
  const { url } = z.object({ url: z.string() }).parse(JSON.parse(String(line)));
  const [organisation] = await postgres.query('select id from organisations');
  const organisationId = z.string().parse(organisation?.['id']);
  print(`filling ${SERVERS} servers, ${KEYS} keys, ${GRANTS} grants`);
  await fillDatabase(postgres, organisationId, sealer);
  plane.send('begin');

  const cold = await timed(() => start(url), isFilled);
  plane.send('report');
  const [report] = await once(plane, 'message');
  const { longestBlockMillis, rssMegabytes } = controlSchema.parse(report);
  print(
    `snapshot over the wire: ready ${cold.millis} ms (${cold.cpuMillis} ms of CPU), longest block ${cold.blockMillis} ms; control plane: longest block ${longestBlockMillis.toFixed(0)} ms, rss ${rssMegabytes.toFixed(0)} MB`,
  );

  const file = join(directory, 'data-plane', 'last-known-good');
  const saved = await timed(
    () => eventually(() => statSync(file).size, 'the file'),
    () => true,
  );
  print(`saved to disk: ${saved.millis} ms later, ${(statSync(file).size / 2 ** 20).toFixed(1)} MB, longest block ${saved.blockMillis} ms`);

  await measureChanges(cold.result, postgres, organisationId);
  await cold.result.close();
  const warm = await timed(() => start('http://127.0.0.1:9'), isFilled);
  print(
    `from disk: ready ${warm.millis} ms (${warm.cpuMillis} ms of CPU), longest block ${warm.blockMillis} ms; rss ${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MB`,
  );
  await warm.result.close();
}

/** One change after another: from the commit to its being in force. */
async function measureChanges(config: RunningConfig, postgres: TestDatabase, organisationId: string): Promise<void> {
  const millis: number[] = [];
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  for (let index = 0; index < CHANGES; index++) {
    const change = { op: 'upsert', kind: 'organisation', value: { id: organisationId, slug: `renamed-${index}`, denialStyle: 'AUTO' } };
    const inForce = new Promise<void>((resolve) =>
      config.store.onChange(({ next }) => next.organisations.get(organisationId)?.slug === change.value.slug && resolve()),
    );
    const sql = `with next as (update config_version set version = version + 1 returning version),
      logged as (insert into config_changes (version, position, organisation_id, change) select version, 0, $1, $2::jsonb from next)
      select pg_notify('turnpike_config', version::text) from next`;
    await postgres.query(sql, [organisationId, JSON.stringify(change)]);
    const startedAt = performance.now();
    await inForce;
    millis.push(performance.now() - startedAt);
    await pause(BETWEEN_CHANGES_MILLIS);
  }
  delay.disable();
  const sorted = millis.toSorted((one, other) => one - other);
  print(
    `a change in force after its commit: median ${sorted[CHANGES >> 1]?.toFixed(1)} ms, worst ${sorted.at(-1)?.toFixed(1)} ms; longest block ${(delay.max / 1e6).toFixed(1)} ms`,
  );
}

function start(controlPlaneUrl: string): Promise<RunningConfig> {
  return startConfig({
    controlPlaneUrl,
    token,
    sealer,
    secretKey,
    dataDirectory: directory,
    clock: systemClock,
    log: pino({ level: 'fatal' }),
    version: 'bench',
    nodeName: 'bench:0',
    describeNode: () => ({ ready: true, inFlight: 0, endpoints: [] }),
  });
}

function isFilled(config: RunningConfig): boolean {
  return (config.store.current()?.keysByHash.size ?? 0) >= KEYS;
}

/** The CPU time tells what the machine was too busy to give. */
async function timed<Result>(
  work: () => Promise<Result>,
  isDone: (result: Result) => boolean,
): Promise<{ result: Result; millis: number; cpuMillis: number; blockMillis: string }> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  const result = await work();
  await eventually(() => isDone(result) || undefined, 'being done');
  const millis = Math.round(performance.now() - startedAt);
  const { user, system } = process.cpuUsage(cpuBefore);
  delay.disable();
  return { result, millis, cpuMillis: Math.round((user + system) / 1000), blockMillis: (delay.max / 1e6).toFixed(1) };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
