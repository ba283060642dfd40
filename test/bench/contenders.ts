/** The contenders of the benchmark and what they stand on, each a program on its core. */
import { writeFileSync } from 'node:fs';
import { freePort, type Program } from '../support/processes.ts';
import { prepareGoverned } from './governed-config.ts';
import { CALL } from './load.ts';
import { CONTENDER_CORE, LOAD_CORE, startNode, startOn, untilReady } from './rig.ts';
import type { Stage } from './stage.ts';

export const CONTENDERS = ['nginx', 'bare-proxy', 'governed-with-redis', 'governed-in-process'] as const;
export type ContenderName = (typeof CONTENDERS)[number];

export interface Contender {
  readonly name: ContenderName;
  readonly program: Program;
  readonly url: string;
  /** Sent by the load to everybody; those without governance ignore it. */
  readonly token: string;
}

/** What every contender needs. */
export interface Ground {
  readonly stage: Stage;
  readonly upstreamUrl: string;
  readonly redisUrl: string;
  readonly token: string;
  /** Further options of Node, such as those of a profile. */
  readonly nodeOptions?: readonly string[];
}

const JSON_POST: RequestInit = { method: 'POST', headers: { 'content-type': 'application/json' }, body: CALL };

export async function startContender(name: ContenderName, ground: Ground): Promise<Contender> {
  const port = await freePort();
  switch (name) {
    case 'nginx':
      return startNginx(port, ground);
    case 'bare-proxy':
      return startBareProxy(port, ground);
    case 'governed-with-redis':
      return startGoverned(name, port, ground, { REDIS_URL: ground.redisUrl });
    case 'governed-in-process':
      return startGoverned(name, port, ground, {});
  }
}

export async function startUpstream(stage: Stage): Promise<{ program: Program; origin: string }> {
  const port = await freePort();
  const program = stage.add(startNode(LOAD_CORE, { script: 'upstream', args: [String(port)] }));
  const origin = `http://127.0.0.1:${port}`;
  await untilReady(program, `${origin}/`);
  return { program, origin };
}

/** With the options that production asks for: nothing is evicted, and everything is on disk a second later. */
export async function startRedis(stage: Stage): Promise<{ program: Program; url: string }> {
  const port = await freePort();
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    dir: stage.directory('redis'),
    save: '',
    appendonly: 'yes',
    appendfsync: 'everysec',
    'maxmemory-policy': 'noeviction',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const program = stage.add(startOn(LOAD_CORE, 'redis-server', args));
  return { program, url: `redis://127.0.0.1:${port}` };
}

export function startUsageReader(stage: Stage, redisUrl: string): Program {
  return stage.add(startNode(LOAD_CORE, { script: 'usage-reader', args: [redisUrl], niceness: 10 }));
}

async function startNginx(port: number, { stage, upstreamUrl, token }: Ground): Promise<Contender> {
  const directory = stage.directory('nginx');
  const { host, pathname } = new URL(upstreamUrl);
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${directory}/${kind};`).join(' ');
  const file = `${directory}/nginx.conf`;
  writeFileSync(
    file,
    `worker_processes 1; daemon off; pid ${directory}/pid; error_log ${directory}/error.log;
events { worker_connections 1024; }
http {
  access_log off; client_body_buffer_size 256k; ${paths}
  keepalive_requests 100000000;
  upstream tools { server ${host}; keepalive 256; keepalive_requests 100000000; }
  server { listen 127.0.0.1:${port}; location / { proxy_pass http://tools; proxy_http_version 1.1; proxy_set_header Connection ""; } }
}
`,
  );
  const program = stage.add(startOn(CONTENDER_CORE, 'nginx', ['-e', `${directory}/error.log`, '-c', file, '-p', directory]));
  const url = `http://127.0.0.1:${port}${pathname}`;
  await untilReady(program, url, JSON_POST);
  return { name: 'nginx', program, url, token };
}

async function startBareProxy(port: number, { stage, upstreamUrl, token, nodeOptions = [] }: Ground): Promise<Contender> {
  const program = stage.add(startNode(CONTENDER_CORE, { script: 'bare-proxy', args: [String(port), upstreamUrl], nodeOptions }));
  const url = `http://127.0.0.1:${port}/`;
  await untilReady(program, url, JSON_POST);
  return { name: 'bare-proxy', program, url, token };
}

async function startGoverned(name: ContenderName, port: number, ground: Ground, environment: Readonly<Record<string, string>>): Promise<Contender> {
  const { stage, upstreamUrl, nodeOptions = [] } = ground;
  const governed = await prepareGoverned({ url: upstreamUrl }, stage.directory(name));
  const variables = { ...governed.environment, ...environment, DATA_PLANE_PORT: String(port) };
  const program = stage.add(startNode(CONTENDER_CORE, { script: name, environment: variables, nodeOptions }));
  const origin = `http://127.0.0.1:${port}`;
  await untilReady(program, `${origin}/v1/healthz`);
  return { name, program, url: `${origin}${governed.path}`, token: governed.token };
}
