/** Measures how soon a data plane obeys a large configuration, and for how long its event loop is blocked meanwhile. */
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { on, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { SecretSealer } from '../../shared/sealed-secret.ts';
import { SecretKey } from '../../shared/secret-key.ts';
import { mintToken } from '../../shared/token.ts';
import { startTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { nodeMessageSchema, type Measured, type NodeMessage } from './config-load-messages.ts';
import { fillDatabase, GRANTS, KEYS, SERVERS } from './large-configuration.ts';

const CHANGES = 30;
/** Longer than changes are held back to go out together, so that each is a change of its own. */
const BETWEEN_CHANGES_MILLIS = 100;
const NOBODY = 'http://127.0.0.1:9';
const secretKeyText = randomBytes(32).toString('base64');
const { token } = mintToken('dataPlaneToken');
const directory = mkdtempSync(join(tmpdir(), 'turnpike-load-'));
const controlSchema = z.object({ longestBlockMillis: z.number(), rssMegabytes: z.number() });

const database = await startTestPostgres();
const control = program('config-load-control.ts', { DATABASE_URL: database.url, CONTROL_PLANE_PORT: '0' });
try {
  await measure(database, control);
} finally {
  control.kill('SIGTERM');
  await once(control, 'exit');
  await database.stop();
  rmSync(directory, { recursive: true, force: true });
}

/** A program for each start of the node: what one has in its memory already would be another's burden. */
async function measure(postgres: TestDatabase, plane: ChildProcess): Promise<void> {
  const [line] = await once(plane.stdout ?? plane, 'data');
  const { url } = z.object({ url: z.string() }).parse(JSON.parse(String(line)));
  const [organisation] = await postgres.query('select id from organisations');
  const organisationId = z.string().parse(organisation?.['id']);
  print(`filling ${SERVERS} servers, ${KEYS} keys, ${GRANTS} grants`);
  await fillDatabase(postgres, organisationId, new SecretSealer(new SecretKey(secretKeyText)));

  plane.send('begin');
  const node = startNode(url);
  print(`snapshot over the wire: ready ${shown(await node.measured('filled'))}`);
  plane.send('report');
  const [report] = await once(plane, 'message');
  const { longestBlockMillis, rssMegabytes } = controlSchema.parse(report);
  print(`control plane meanwhile: longest block ${longestBlockMillis.toFixed(1)} ms, ${rssMegabytes.toFixed(0)} MB`);
  print(`saved to disk: after another ${shown(await node.measured('saved'))}`);
  print(`a change in force after its commit: ${await measureChanges(node, postgres, organisationId)}`);
  print(`changes: ${shown(await node.end())}`);

  const restarted = startNode(NOBODY);
  print(`from disk: ready ${shown(await restarted.measured('filled'))}`);
  await restarted.end();
}

/** One change after another. */
async function measureChanges(node: MeasuredNode, postgres: TestDatabase, organisationId: string): Promise<string> {
  const millis: number[] = [];
  for (let index = 0; index < CHANGES; index++) {
    const slug = `renamed-${index}`;
    const change = { op: 'upsert', kind: 'organisation', value: { id: organisationId, slug, denialStyle: 'AUTO' } };
    const sql = `with next as (update config_version set version = version + 1 returning version),
      logged as (insert into config_changes (version, position, organisation_id, change) select version, 0, $1, $2::jsonb from next)
      select pg_notify('turnpike_config', version::text) from next`;
    await postgres.query(sql, [organisationId, JSON.stringify(change)]);
    const startedAt = performance.now();
    await node.inForce(slug);
    millis.push(performance.now() - startedAt);
    await pause(BETWEEN_CHANGES_MILLIS);
  }
  const sorted = millis.toSorted((one, other) => one - other);
  return `median ${sorted[CHANGES >> 1]?.toFixed(1)} ms, worst ${sorted.at(-1)?.toFixed(1)} ms`;
}

interface MeasuredNode {
  measured(what: Measured['what']): Promise<Measured>;
  inForce(slug: string): Promise<void>;
  /** Ends it, and answers how it was since it was measured last. */
  end(): Promise<Measured>;
}

function startNode(controlPlaneUrl: string): MeasuredNode {
  const child = program('config-load-node.ts', { CONTROL_PLANE_URL: controlPlaneUrl });
  const messages = on(child, 'message', { close: ['exit'] });
  const next = async (isIt: (message: NodeMessage) => boolean): Promise<NodeMessage> => {
    for (;;) {
      const { value, done } = await messages.next();
      if (done === true) throw new Error('the node has ended');
      const message = nodeMessageSchema.parse(z.array(z.unknown()).parse(value)[0]);
      if (isIt(message)) return message;
    }
  };
  const measured = async (what: Measured['what']) => {
    const message = await next((each) => each.what === what);
    if (message.what === 'in force') throw new Error('nothing was measured');
    return message;
  };
  return {
    measured,
    inForce: async (slug) => void (await next((message) => message.what === 'in force' && message.slug === slug)),
    end: async () => {
      const ended = once(child, 'exit');
      child.send('end');
      const last = await measured('changed');
      await ended;
      return last;
    },
  };
}

function program(file: string, environment: Readonly<Record<string, string>>): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { PATH: process.env['PATH'], TURNPIKE_SECRET_KEY: secretKeyText, DATA_PLANE_TOKEN: token, TURNPIKE_DATA_DIR: directory, ...environment },
  });
}

function shown({ millis, cpuMillis, blockMillis, megabytes }: Measured): string {
  return `${millis.toFixed(0)} ms (${cpuMillis.toFixed(0)} ms of CPU), longest block ${blockMillis.toFixed(1)} ms, ${megabytes.toFixed(1)} MB`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
