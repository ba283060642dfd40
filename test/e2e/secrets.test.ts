/** Canaries: a secret that went in must be nowhere to be read, but where it is sealed. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GatewayClient, toolCall } from '../support/gateway-client.ts';
import { startMcpUpstream, type McpUpstream } from '../support/mcp-upstream.ts';
import { startTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { startStack, type Stack } from '../support/stack.ts';

const CANARIES = { bearer: 'canary-bearer-7f3a', password: 'canary-password-91bc', value: 'canary-header-52de' } as const;

let database: TestDatabase;
let redis: TestRedis;
let stack: Stack;
let upstream: McpUpstream;

beforeAll(async () => {
  [database, redis, upstream] = await Promise.all([startTestPostgres(), startTestRedis(), startMcpUpstream()]);
  stack = await startStack({ databaseUrl: database.url, redisUrl: redis.url, environment: { TURNPIKE_LOG_LEVEL: 'trace' } });
}, 120_000);

afterAll(async () => {
  await stack?.close();
  await Promise.all([upstream?.close(), redis?.stop(), database?.stop()]);
});

test('no upstream secret and no virtual key is in a log, an answer, a row, a Redis value or a file', async () => {
  const auths = [
    { bearer: { token: CANARIES.bearer } },
    { basic: { username: 'user', password: CANARIES.password } },
    { apiKey: { header: 'x-upstream-key', value: CANARIES.value } },
  ];
  const answers: string[] = [];
  const keys: string[] = [];
  const gateway = new GatewayClient(stack.gatewayUrl);
  for (const [index, auth] of auths.entries()) {
    const slug = `canary-${index}`;
    const server = await stack.admin.createServer({ name: slug, slug, transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url, auth });
    const apiKey = await stack.admin.createApiKey();
    keys.push(apiKey.secret);
    await stack.admin.grant(apiKey.id, server.id);
    await stack.settled();
    for (const call of [toolCall('echo'), '{"broken', toolCall('fail')]) answers.push((await gateway.send(slug, { key: apiKey.secret, body: call })).text);
  }
  const sent = upstream.seen.map(({ headers }) => JSON.stringify(headers)).join();
  expect(sent).toContain(CANARIES.bearer);
  expect(sent).toContain(CANARIES.value);
  expect(sent).toContain(Buffer.from(`user:${CANARIES.password}`).toString('base64'));
  answers.push(
    JSON.stringify(
      await stack.admin.query(
        '{ servers { nodes { id name auth { type configured username secretFields { name set fingerprint } } } } apiKeys { nodes { id prefix name } } usageRecords(filter: {range: {}}) { nodes { requestId apiKeyPrefix denial { message } } } }',
      ),
    ),
  );
  const places: Record<string, string> = {
    answers: answers.join('\n'),
    'control plane log': stack.control().output(),
    'data plane log': stack.data().output(),
    database: await dumpOf(database),
    redis: await redis.dump(),
    files: await filesIn(stack.directory),
  };
  for (const [place, text] of Object.entries(places)) {
    for (const secret of [...Object.values(CANARIES), ...keys]) {
      expect(text.includes(secret), `${secret.slice(0, 12)}… in ${place}`).toBe(false);
      expect(text.includes(Buffer.from(secret).toString('base64')), `${secret.slice(0, 12)}… in base64 in ${place}`).toBe(false);
    }
  }
});

async function dumpOf({ query }: TestDatabase): Promise<string> {
  const tables = await query("select table_name from information_schema.tables where table_schema = 'public'");
  const rows = await Promise.all(tables.map(({ table_name: name }) => query(`select row_to_json(t)::text as row from "${String(name)}" t`)));
  return rows
    .flat()
    .map(({ row }) => String(row))
    .join('\n');
}

async function filesIn(directory: string): Promise<string> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name !== 'admin-token');
  return (await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), 'latin1')))).join('\n');
}
