/** `npm run demo:denied` shows an answer as it came, and says what to start when there is none. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { writeDemoEnv } from '../../bin/demo/demo-env.ts';
import { mintToken } from '../../shared/token.ts';
import { answerHttp } from '../support/http-answers.ts';
import { freePort, ROOT, startProgram } from '../support/processes.ts';

const KEY = mintToken('apiKey').token;

async function dataDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'turnpike-denied-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function demoDenied(directory: string): Promise<{ code: number | string; output: string }> {
  const program = startProgram(process.execPath, [join(ROOT, 'bin/demo-denied.mjs')], { TURNPIKE_DATA_DIR: directory });
  return { code: await program.stop('SIGCONT'), output: program.output() };
}

/** A gateway that answers with this status, and keeps what it was sent. */
async function gateway(status: number): Promise<{ url: string; heard: unknown[] }> {
  const heard: unknown[] = [];
  const headers = { 'Turnpike-Denial': 'mcp_guardrail_block', 'Content-Type': 'application/json', 'Set-Cookie': 'not=shown' };
  const origin = await answerHttp((request) => {
    heard.push([request.path, request.headers.authorization, JSON.parse(request.body)]);
    return { status, headers, body: { as: 'it came' } };
  });
  return { url: `${origin}/v1/mcp/demo`, heard };
}

test('the denial is shown as it came: status, the headers that matter, body', async () => {
  const directory = await dataDirectory();
  const { url, heard } = await gateway(403);
  await writeDemoEnv(join(directory, 'demo.env'), { gatewayUrl: url, apiKey: KEY, graphqlUrl: 'http://127.0.0.1:1/graphql' });
  expect(await demoDenied(directory)).toEqual({
    code: 0,
    output: 'HTTP/1.1 403 Forbidden\nTurnpike-Denial: mcp_guardrail_block\nContent-Type: application/json\n\n{"as":"it came"}\n',
  });
  expect(heard).toEqual([['/v1/mcp/demo', `Bearer ${KEY}`, { jsonrpc: '2.0', id: '1', method: 'tools/call', params: { name: 'get-env', arguments: {} } }]]);
});

test('a call that is let through is a failure', async () => {
  const directory = await dataDirectory();
  await writeDemoEnv(join(directory, 'demo.env'), { gatewayUrl: (await gateway(200)).url, apiKey: KEY, graphqlUrl: 'http://127.0.0.1:1/graphql' });
  expect((await demoDenied(directory)).code).toBe(1);
});

test('before the first start, and while nothing runs, it says what to run', async () => {
  const directory = await dataDirectory();
  const file = join(directory, 'demo.env');
  expect(await demoDenied(directory)).toEqual({ code: 1, output: `There is no ${file}: run \`npm start\` first, with the same TURNPIKE_DATA_DIR.\n` });
  await writeFile(file, `TURNPIKE_GATEWAY_URL=http://127.0.0.1:${await freePort()}\nTURNPIKE_API_KEY=${KEY}\n`);
  expect(await demoDenied(directory)).toEqual({ code: 1, output: 'The gateway does not answer: run `npm start` in another terminal first.\n' });
});
