/** The box that a newcomer sees first: every address, the key, calls that work as they stand, and no other secret. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { welcome, type WelcomeFacts } from '../../bin/welcome.ts';
import { mintToken } from '../../shared/token.ts';

const KEY = mintToken('apiKey').token;
const FACTS: WelcomeFacts = {
  version: '0.1.0',
  graphqlUrl: 'http://127.0.0.1:4000/graphql',
  gatewayUrl: 'http://127.0.0.1:8080/v1/mcp/demo',
  demo: { kind: 'open', apiKey: KEY },
  setupLink: undefined,
  demoFile: '.turnpike/demo.env',
  dataDirectory: undefined,
  isDatabaseEmbedded: true,
  areCountersInProcess: true,
  isLoopback: true,
};

test('it is the box of the storyboard', () => {
  expect(welcome(FACTS)).toBe(`
  Turnpike 0.1.0                                            development mode

  GraphQL   http://127.0.0.1:4000/graphql
  Gateway   http://127.0.0.1:8080/v1/mcp/demo

  Key       ${KEY}
            saved to .turnpike/demo.env

  Try it:
    curl -s http://127.0.0.1:8080/v1/mcp/demo \\
      -H "Authorization: Bearer ${KEY}" -H "Content-Type: application/json" \\
      -d '{"jsonrpc":"2.0","id":"1","method":"tools/list","params":{}}'

  Then one that is denied:      npm run demo:denied
  Connect Claude Code:          claude mcp add --transport http demo http://127.0.0.1:8080/v1/mcp/demo --header "Authorization: Bearer ${KEY}"

  ! Development mode: embedded database, in-memory counters, loopback only. See README "Production".

`);
});

test('a shell reads the printed curl as one call with the key and a JSON body', () => {
  const line = /curl -s[\s\S]*?'\{.*\}'/.exec(welcome(FACTS))?.[0] ?? '';
  const args = execFileSync('sh', ['-c', `curl() { for word in "$@"; do printf '%s\\n' "$word"; done; }; ${line}`], { encoding: 'utf8' }).split('\n');
  expect(args).toEqual(['-s', FACTS.gatewayUrl, '-H', `Authorization: Bearer ${KEY}`, '-H', 'Content-Type: application/json', '-d', args[7], '']);
  expect(JSON.parse(args[7] ?? '')).toEqual({ jsonrpc: '2.0', id: '1', method: 'tools/list', params: {} });
});

test('a data directory of the operator’s choice goes with the command that needs it, quoted for a shell', () => {
  const dataDirectory = `/my data/it's`;
  const line = /denied: +(.*)$/m.exec(welcome({ ...FACTS, dataDirectory }))?.[1] ?? '';
  expect(execFileSync('sh', ['-c', `npm() { printf '%s' "$TURNPIKE_DATA_DIR"; }; ${line}`], { encoding: 'utf8' })).toBe(dataDirectory);
  expect(welcome({ ...FACTS, dataDirectory: './plain' })).toContain('TURNPIKE_DATA_DIR=./plain npm run demo:denied');
});

test.each([
  [{ kind: 'absent' } as const, 'no administrator’s token'],
  [{ kind: 'closed' } as const, 'the key in .turnpike/demo.env does not open it'],
])('without a demo (%o) it says why, and shows no key and no call', (demo, reason) => {
  const text = welcome({ ...FACTS, demo });
  expect(text).toContain(reason);
  expect(text).toContain(FACTS.graphqlUrl);
  expect(text).not.toMatch(/vk_|curl|demo:denied/);
});

test.each([
  [{}, 'embedded database, in-memory counters, loopback only.'],
  [{ isDatabaseEmbedded: false }, 'one process, in-memory counters, loopback only.'],
  [{ areCountersInProcess: false }, 'embedded database, loopback only.'],
  [{ isLoopback: false }, 'embedded database, in-memory counters, open to the network.'],
])('%o: it says what makes it development mode', (facts, traits) => {
  expect(welcome({ ...FACTS, ...facts })).toContain(`! Development mode: ${traits}`);
});

test('while no person administers the organisation it shows the link for the first one', () => {
  const setupLink = `http://127.0.0.1:4000/setup#${mintToken('invitation').token}`;
  expect(welcome({ ...FACTS, setupLink })).toContain(`  Setup     ${setupLink}\n            makes the first administrator, once, within half an hour`);
});
