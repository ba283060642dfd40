/** The product as it runs in production, for tests: both planes as programs of their own, on a real PostgreSQL and a real Redis. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mintToken } from '../../shared/token.ts';
import { AdminClient } from './admin-client.ts';
import { answersOk, eventually, freePort, ROOT, startProgram, type Program } from './processes.ts';

export interface StackOptions {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Further variables of both programs. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Stack {
  readonly gatewayUrl: string;
  readonly graphqlUrl: string;
  readonly admin: AdminClient;
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  control(): Program;
  data(): Program;
  startControl(): Promise<Program>;
  startData(): Promise<Program>;
  /** One more data plane beside the first, with a directory of its own. */
  startFurtherData(): Promise<{ readonly url: string; readonly program: Program }>;
  /** One more replica of the control plane. */
  startFurtherControl(): Promise<Program>;
  /** Resolves when the data plane has applied everything that the control plane has committed. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

const BIN = join(ROOT, 'bin/turnpike.mjs');

export async function startStack(options: StackOptions): Promise<Stack> {
  const directory = await mkdtemp(join(tmpdir(), 'turnpike-stack-'));
  const [controlPort, dataPort] = [await freePort(), await freePort()];
  const controlUrl = `http://127.0.0.1:${controlPort}`;
  const gatewayUrl = `http://127.0.0.1:${dataPort}`;
  const environment = {
    DATABASE_URL: options.databaseUrl,
    REDIS_URL: options.redisUrl,
    CONTROL_PLANE_PORT: String(controlPort),
    DATA_PLANE_PORT: String(dataPort),
    CONTROL_PLANE_URL: controlUrl,
    TURNPIKE_DATA_DIR: directory,
    TURNPIKE_SECRET_KEY: randomBytes(32).toString('base64'),
    DATA_PLANE_TOKEN: mintToken('dataPlaneToken').token,
    ...options.environment,
  };
  let control: Program;
  let data: Program;
  const startControl = async () => {
    control = startProgram(process.execPath, [BIN, 'control-plane'], environment);
    await ready(control, `${controlUrl}/v1/healthz`);
    return control;
  };
  const startData = async () => {
    data = startProgram(process.execPath, [BIN, 'data-plane'], environment);
    await ready(data, `${gatewayUrl}/v1/healthz`);
    return data;
  };
  const further: Program[] = [];
  const startFurtherData = async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const own = { DATA_PLANE_PORT: String(port), TURNPIKE_DATA_DIR: join(directory, `data-${port}`) };
    const program = startProgram(process.execPath, [BIN, 'data-plane'], { ...environment, ...own });
    further.push(program);
    await ready(program, `${url}/v1/healthz`);
    return { url, program };
  };
  const startFurtherControl = async () => {
    const port = await freePort();
    const program = startProgram(process.execPath, [BIN, 'control-plane'], { ...environment, CONTROL_PLANE_PORT: String(port) });
    further.push(program);
    await ready(program, `http://127.0.0.1:${port}/v1/healthz`);
    return program;
  };
  control = await startControl();
  data = await startData();
  const admin = new AdminClient(`${controlUrl}/graphql`, (await readFile(join(directory, 'admin-token'), 'utf8')).trim());
  return {
    gatewayUrl,
    graphqlUrl: `${controlUrl}/graphql`,
    admin,
    directory,
    environment,
    control: () => control,
    data: () => data,
    startControl,
    startData,
    startFurtherData,
    startFurtherControl,
    settled: () => settled(admin),
    close: async () => {
      await Promise.all([data, ...further].map((program) => program.stop()));
      await control.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function ready(program: Program, url: string): Promise<void> {
  const state = await eventually(
    async () => (program.child.exitCode === null ? answersOk(url).then((isOk) => (isOk === true ? 'ready' : undefined)) : 'ended'),
    `${url} being ready`,
  );
  if (state === 'ended') throw new Error(`it ended: ${program.output()}`);
}

/** Resolves when every data plane has applied all that the control plane has committed. */
export async function settled(admin: AdminClient): Promise<void> {
  await eventually(async () => {
    const { dataPlanes } = await admin.query('{ dataPlanes { configLag ready } }');
    const isThere = Array.isArray(dataPlanes) && dataPlanes.length > 0 && dataPlanes.every((plane) => plane.configLag === '0');
    return isThere ? true : undefined;
  }, 'the data plane applying the last change');
}
