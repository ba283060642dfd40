/** `npm run demo:denied`: calls the tool that the demo's rules block, and prints the answer as it came. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const BLOCKED_TOOL = 'get-env';
const SHOWN_HEADERS = ['Turnpike-Denial', 'Turnpike-Request-Id', 'Content-Type'];

const file = join(process.env.TURNPIKE_DATA_DIR || './.turnpike', 'demo.env');
try {
  await showDenied(await readEnv(file));
} catch (error) {
  process.stderr.write(`${sentenceOf(error)}\n`);
  process.exitCode = 1;
}

async function showDenied({ TURNPIKE_GATEWAY_URL: url, TURNPIKE_API_KEY: key }) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: '1', method: 'tools/call', params: { name: BLOCKED_TOOL, arguments: {} } });
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', accept: 'application/json' },
    body,
  });
  const shown = SHOWN_HEADERS.filter((name) => response.headers.has(name)).map((name) => `${name}: ${response.headers.get(name)}`);
  process.stdout.write([`HTTP/1.1 ${response.status} ${response.statusText}`, ...shown, '', await response.text(), ''].join('\n'));
  if (response.status !== 403) process.exitCode = 1;
}

async function readEnv(path) {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line.includes('='));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

function sentenceOf(error) {
  if (error.code === 'ENOENT') return `There is no ${file}: run \`npm start\` first, with the same TURNPIKE_DATA_DIR.`;
  if (error.cause?.code === 'ECONNREFUSED') return 'The gateway does not answer: run `npm start` in another terminal first.';
  return `The call failed: ${error.message}`;
}
