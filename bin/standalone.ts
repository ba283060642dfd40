/** The standalone mode: both planes, their stores and a demo in one process, by the same code as in production. */
import { join } from 'node:path';
import { destination, pino, type Logger } from 'pino';
import { startControlPlane, type ControlPlaneParts } from '../control-plane/application.ts';
import { startEmbeddedPostgres } from '../control-plane/database/embedded-postgres.ts';
import { MIGRATIONS } from '../control-plane/database/migrations/list.ts';
import { LostWindows } from '../control-plane/money/lost-windows.ts';
import { RedisWindowCounts } from '../control-plane/money/redis-window-counts.ts';
import { readControlPlaneSettings, type ControlPlaneSettings } from '../control-plane/settings.ts';
import { RedisUsageSource } from '../control-plane/usage-intake/redis-usage-source.ts';
import { MemoryCounters } from '../data-plane/counters/memory-counters.ts';
import { MemoryWindowCounts } from '../data-plane/counters/memory-window-counts.ts';
import { startDataPlane, VERSION, type DataPlaneParts } from '../data-plane/gateway.ts';
import { readDataPlaneSettings, type DataPlaneSettings } from '../data-plane/settings.ts';
import { startProcessReaper } from '../data-plane/transports/process-reaper.ts';
import { systemClock } from '../shared/clock.ts';
import { UsageQueue } from '../shared/usage-queue.ts';
import { holdDataDirectory, prepareDataDirectory, shownPath } from './data-directory.ts';
import { AdminApi } from './demo/admin-api.ts';
import { demoAllowlist, type DemoAllowlist } from './demo/demo-allowlist.ts';
import { readDemoKey, writeDemoEnv } from './demo/demo-env.ts';
import { DEMO_SLUG, ensureDemo } from './demo/demo-objects.ts';
import { demoProgram, startDemoHttpServer, type DemoHttpServer } from './demo/everything-server.ts';
import type { PortVariables } from './explain-failure.ts';
import type { Lifetime } from './lifetime.ts';
import { freePort, isLoopback, urlOf } from './ports.ts';
import { dataPlaneTokenOf, readSecret, secretKeyOf, writeSecret } from './secret-files.ts';
import { storedFailure } from './stored-failure.ts';
import { untilReady } from './until-ready.ts';
import { welcome, type Demo } from './welcome.ts';

type Environment = Readonly<Record<string, string | undefined>>;

interface Plan {
  readonly directory: string;
  /** Where an operator finds the secret key. */
  readonly keyPlace: string;
  readonly control: ControlPlaneSettings;
  readonly data: DataPlaneSettings;
  readonly allowlist: DemoAllowlist;
  readonly log: Logger;
  /** Writes a line with a tick for what has become true. */
  readonly tick: (what: string) => void;
}

interface Database {
  readonly url: string;
  /** Where it is, for people. */
  readonly place: string;
}

const USAGE_HANDOVER_MILLIS = 5000;
const HANDOVER_POLL_MILLIS = 20;

/** Starts everything and prints the welcome. `write` takes what is meant for the person at the terminal; `ports` is filled with what is listened on. */
export async function startStandalone(
  environment: Environment,
  lifetime: Lifetime,
  { write, ports }: { write: (text: string) => void; ports: PortVariables[number][] },
): Promise<void> {
  const tick = (what: string) => write(`✔ ${what}\n`);
  tick(`Node ${process.versions.node}`);
  const plan = await makePlan(environment, lifetime, { tick, ports });
  const database = await openDatabase(plan, environment['DATABASE_URL'], lifetime);
  const demoServer = startDemoServer(plan, lifetime);
  // A rejection is taken up where the demo is made; until then it must not count as one that nobody handles.
  demoServer.catch(() => undefined);
  const { url, setupLink } = await startPlanes(plan, database, lifetime);
  const graphqlUrl = `${url}/graphql`;
  const gatewayUrl = `${urlOf(plan.data.host, plan.data.port)}/v1/mcp/${DEMO_SLUG}`;
  const apiKey = await makeDemo(plan, graphqlUrl, await demoServer);
  const demoFile = join(plan.directory, 'demo.env');
  if (apiKey !== undefined) await writeDemoEnv(demoFile, { gatewayUrl, apiKey, graphqlUrl });
  const { version, isDemoOpen } = await untilReady(urlOf(plan.data.host, plan.data.port), apiKey === undefined ? undefined : { apiKey, slug: DEMO_SLUG });
  const demo: Demo = apiKey === undefined ? { kind: 'absent' } : isDemoOpen ? { kind: 'open', apiKey } : { kind: 'closed' };
  tick(`data plane, configuration ${version}`);
  write(
    welcome({
      version: VERSION,
      graphqlUrl,
      gatewayUrl,
      demo,
      setupLink,
      demoFile: shownPath(demoFile, process.cwd()),
      dataDirectory: environment['TURNPIKE_DATA_DIR'],
      isDatabaseEmbedded: environment['DATABASE_URL'] === undefined,
      areCountersInProcess: plan.data.redisUrl === undefined,
      isLoopback: isLoopback(plan.data.host),
    }),
  );
}

/** Everything that can be refused is refused here, before anything is started. */
async function makePlan(environment: Environment, lifetime: Lifetime, { tick, ports }: { tick: Plan['tick']; ports: PortVariables[number][] }): Promise<Plan> {
  const directory = await prepareDataDirectory(environment['TURNPIKE_DATA_DIR'] ?? './.turnpike');
  const hold = await holdDataDirectory(directory);
  lifetime.add({ end: () => hold.release() });
  const allowlist = await demoAllowlist(directory, environment['TURNPIKE_STDIO_ALLOWLIST'], demoProgram());
  const secretKey = await secretKeyOf(directory, environment['TURNPIKE_SECRET_KEY']);
  const complete = {
    ...environment,
    TURNPIKE_DATA_DIR: directory,
    TURNPIKE_SECRET_KEY: secretKey.text,
    DATA_PLANE_TOKEN: await dataPlaneTokenOf(directory, environment['DATA_PLANE_TOKEN']),
    TURNPIKE_STDIO_ALLOWLIST: allowlist.path,
    TURNPIKE_LOG_LEVEL: environment['TURNPIKE_LOG_LEVEL'] ?? 'warn',
    DATABASE_URL: environment['DATABASE_URL'] ?? 'postgresql://embedded',
    // The address of the demo, if `demo.env` is in the environment; the one of the gateway is known here.
    TURNPIKE_GATEWAY_URL: undefined,
    CONTROL_PLANE_URL: 'http://127.0.0.1',
  };
  const control = readControlPlaneSettings(complete);
  const data = readDataPlaneSettings(complete);
  if (control.port === data.port && control.port !== 0) throw new Error('CONTROL_PLANE_PORT and DATA_PLANE_PORT must differ');
  ports.push({ variable: 'CONTROL_PLANE_PORT', port: control.port }, { variable: 'DATA_PLANE_PORT', port: data.port });
  const [controlPort, dataPort] = [await freePort(control.port, control.host), await freePort(data.port, data.host)];
  return {
    directory,
    keyPlace: secretKey.place,
    control: { ...control, port: controlPort, gatewayUrl: urlOf(data.host, dataPort), allowsPlainCookies: true },
    data: { ...data, port: dataPort, controlPlaneUrl: urlOf(control.host, controlPort) },
    allowlist,
    log: pino({ level: data.logLevel, base: { program: 'standalone' } }, destination({ fd: 2, sync: true })),
    tick,
  };
}

/** The operator's database, or the embedded one, started here. */
async function openDatabase({ directory, log, tick }: Plan, given: string | undefined, lifetime: Lifetime): Promise<Database> {
  if (given !== undefined) return { url: given, place: 'at DATABASE_URL' };
  const startedMillis = performance.now();
  const database = await startEmbeddedPostgres({ dataDirectory: directory, log });
  const seconds = ((performance.now() - startedMillis) / 1000).toFixed(1);
  tick(`database, embedded PostgreSQL ${database.majorVersion} (${database.isNew ? 'first start, ' : ''}${seconds} s)`);
  lifetime.add({ end: () => database.stop(), kill: () => database.kill() });
  return { url: database.databaseUrl, place: `in ${database.clusterDirectory}` };
}

async function startDemoServer({ directory }: Plan, lifetime: Lifetime): Promise<DemoHttpServer> {
  const portFile = join(directory, 'demo-http-port');
  const reaper = startProcessReaper();
  const lastPort = Number(await readSecret(portFile));
  const server = await startDemoHttpServer(Number.isInteger(lastPort) && lastPort > 0 && lastPort <= 65_535 ? lastPort : undefined, reaper);
  lifetime.add({
    end: async () => {
      await server.close();
      await reaper.close();
    },
  });
  if (server.port !== lastPort) await writeSecret(portFile, String(server.port));
  return server;
}

/** Answers where the control plane is, and the link for its first administrator. What the data plane has counted last is handed over before the control plane ends. */
async function startPlanes(
  { control, data, log, keyPlace, tick }: Plan,
  database: Database,
  lifetime: Lifetime,
): Promise<{ url: string; setupLink: string | undefined }> {
  const queue = new UsageQueue();
  const stores = openStores(data.redisUrl, queue, log);
  const controlPlane = await startControlPlane({ ...control, databaseUrl: database.url }, { log, ...stores.control, signal: lifetime.signal }).catch(
    (error: unknown) => {
      throw storedFailure(error, { keyPlace, databasePlace: database.place });
    },
  );
  tick(`control plane, ${MIGRATIONS.length} migrations`);
  lifetime.add({ end: () => controlPlane.close() });
  const dataPlane = await startDataPlane(data, { log, ...stores.data });
  lifetime.add({
    end: async () => {
      await dataPlane.close();
      await untilTaken(queue);
    },
  });
  return { url: urlOf(control.host, control.port), setupLink: controlPlane.setupLink };
}

interface Stores {
  readonly control: Pick<ControlPlaneParts, 'usageSource' | 'windowCounts' | 'lostWindows' | 'ledger'>;
  readonly data: Pick<DataPlaneParts, 'counters'>;
}

/** Where the planes meet: in the operator's Redis, or in the memory of this process. */
function openStores(redisUrl: string | undefined, queue: UsageQueue, log: Logger): Stores {
  if (redisUrl !== undefined) {
    const [usageSource, windowCounts, lostWindows] = [
      new RedisUsageSource(redisUrl, log),
      new RedisWindowCounts(redisUrl, log),
      new LostWindows(redisUrl, log),
    ];
    return { control: { usageSource, windowCounts, lostWindows, ledger: windowCounts }, data: {} };
  }
  const counters = new MemoryCounters({ clock: systemClock, queue });
  return { control: { usageSource: queue, windowCounts: new MemoryWindowCounts(counters) }, data: { counters } };
}

async function untilTaken(queue: UsageQueue): Promise<void> {
  const deadline = performance.now() + USAGE_HANDOVER_MILLIS;
  while (queue.size > 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, HANDOVER_POLL_MILLIS));
}

/** Undefined without an administrator's token: then whatever is there is left alone. */
async function makeDemo({ directory, allowlist, tick }: Plan, graphqlUrl: string, server: DemoHttpServer): Promise<string | undefined> {
  const savedKey = await readDemoKey(join(directory, 'demo.env'));
  const tokenFile = join(directory, 'admin-token');
  const token = await readSecret(tokenFile);
  if (token === undefined) return savedKey;
  const program = allowlist.allowsDemo ? demoProgram() : undefined;
  const apiKey = await ensureDemo(new AdminApi(graphqlUrl, { text: token, place: tokenFile }), { program, endpointUrl: server.endpointUrl, savedKey });
  tick(`demo servers${apiKey === savedKey ? '' : ', a key and its grants'}`);
  return apiKey;
}
