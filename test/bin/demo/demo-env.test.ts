/** `demo.env` is what a shell and the demo's commands read; a damaged key in it is like none. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readDemoKey, writeDemoEnv } from '../../../bin/demo/demo-env.ts';
import { mintToken } from '../../../shared/token.ts';

const KEY = mintToken('apiKey').token;
const ENV = { gatewayUrl: 'http://127.0.0.1:8080/v1/mcp/demo', apiKey: KEY, graphqlUrl: 'http://127.0.0.1:4000/graphql' };

async function demoFile(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'turnpike-env-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return join(directory, 'demo.env');
}

test('it holds the gateway, the key and the API, for its owner alone', async () => {
  const file = await demoFile();
  await writeDemoEnv(file, ENV);
  expect(await readFile(file, 'utf8')).toBe(`TURNPIKE_GATEWAY_URL=${ENV.gatewayUrl}\nTURNPIKE_API_KEY=${KEY}\nTURNPIKE_GRAPHQL_URL=${ENV.graphqlUrl}\n`);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('a shell that reads it has the variables', async () => {
  const file = await demoFile();
  await writeDemoEnv(file, ENV);
  const read = `. ${file}; echo "$TURNPIKE_GATEWAY_URL $TURNPIKE_API_KEY $TURNPIKE_GRAPHQL_URL"`;
  expect(execFileSync('sh', ['-c', read], { encoding: 'utf8' })).toBe(`${ENV.gatewayUrl} ${KEY} ${ENV.graphqlUrl}\n`);
});

test('the key is read back', async () => {
  const file = await demoFile();
  expect(await readDemoKey(file)).toBeUndefined();
  await writeDemoEnv(file, ENV);
  expect(await readDemoKey(file)).toBe(KEY);
});

test.each([
  ['cut short', KEY.slice(0, -1)],
  ['mistyped', `${KEY.slice(0, -8)}${KEY.at(-8) === 'a' ? 'b' : 'a'}${KEY.slice(-7)}`],
  ['of another kind', mintToken('adminToken').token],
  ['empty', ''],
])('a key that is %s is like none', async (_fault, text) => {
  const file = await demoFile();
  await writeFile(file, `TURNPIKE_GATEWAY_URL=x\nTURNPIKE_API_KEY=${text}\n`);
  expect(await readDemoKey(file)).toBeUndefined();
});
