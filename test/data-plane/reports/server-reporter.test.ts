/** The control plane is told what is new of a server, once, and again when it could not be told. */
import { expect, test } from 'vitest';
import { compileServer } from '../../../data-plane/config/compile-server.ts';
import type { GovernedServer } from '../../../data-plane/config/governed-server.ts';
import { EMPTY_STATE } from '../../../data-plane/config/config-state.ts';
import type { ServerReport } from '../../../data-plane/reports/server-report.ts';
import { ServerReporter } from '../../../data-plane/reports/server-reporter.ts';
import { Refusal } from '../../../shared/refusal.ts';
import { fingerprintOfTool } from '../../../shared/tool-definition.ts';
import { testSealer } from '../../support/config-frames.ts';
import { mcpServer } from '../../support/domain.ts';
import { recordingLog } from '../../support/recording-log.ts';

const ECHO = { name: 'echo', inputSchema: { type: 'object' } };
const ECHO_PIN = { name: 'echo', fingerprint: fingerprintOfTool(ECHO), isEnabled: true, isChanged: false, isReviewed: true, isDestructive: false };
const GONE = new Refusal('upstream_error', 'unreachable', 'it cannot be reached');
const TEN_MINUTES = 600_000;

/** A node whose clock and connection a test moves, and what it told. */
function startReporter(...servers: GovernedServer[]) {
  const state = { nowMillis: 0, isConnected: true };
  const told: ServerReport[][] = [];
  const known = new Map(servers.flatMap((server) => [server.config.id, server.config.slug].map((name) => [name, server] as const)));
  const snapshot = { ...EMPTY_STATE.snapshot, servers: new Map([['org_1', known]]) };
  const reporter = new ServerReporter({
    store: { current: () => snapshot },
    clock: { now: () => state.nowMillis, elapsed: () => state.nowMillis },
    log: recordingLog().log,
    tell: (reports) => {
      if (state.isConnected) told.push([...reports]);
      return Promise.resolve(state.isConnected);
    },
  });
  const look = async () => {
    await reporter.look();
    return told.splice(0).flat();
  };
  return { look, state, close: () => reporter.close() };
}

const serverOf = (given: Parameters<typeof mcpServer>[1] = {}) => compileServer(mcpServer('org_1', given), testSealer);

test('a server that nobody calls is not told of; one that answers is told once, and again after ten minutes of calls', async () => {
  const server = serverOf();
  const { look, state, close } = startReporter(server);
  expect(await look()).toEqual([]);
  server.sighting.note(undefined);
  expect(await look()).toEqual([{ serverId: server.config.id, health: 'CONNECTED', detail: null, toolsChanged: false }]);
  server.sighting.note(undefined);
  expect(await look()).toEqual([]);
  state.nowMillis = TEN_MINUTES;
  expect(await look()).toEqual([]);
  server.sighting.note(undefined);
  expect(await look()).toMatchObject([{ health: 'CONNECTED' }]);
  await close();
});

test.each([
  [GONE, 'UNREACHABLE'],
  [new Refusal('upstream_timeout', 'total_timeout', 'too late'), 'UNREACHABLE'],
  [new Refusal('upstream_error', 'bad_answer', 'that is no answer'), 'PROTOCOL_ERROR'],
  [new Refusal('upstream_auth_error', 'rejected_credentials', 'who are you'), 'NEEDS_AUTH'],
] as const)('%s: %s', async (failure, health) => {
  const server = serverOf();
  const { look, close } = startReporter(server);
  server.sighting.note(failure);
  expect(await look()).toMatchObject([{ health, detail: failure.message }]);
  await close();
});

test('a server that answers some of its callers is there, and what the gateway itself refuses says nothing of it', async () => {
  const [half, blocked] = [serverOf(), serverOf()];
  const { look, close } = startReporter(half, blocked);
  half.sighting.note(undefined);
  half.sighting.note(GONE);
  blocked.sighting.note(new Refusal('mcp_guardrail_block', 'blocked_tool', 'no'));
  expect(await look()).toMatchObject([{ serverId: half.config.id, health: 'CONNECTED' }]);
  await close();
});

test('while nobody can be told, the newest is kept, and told as soon as somebody can', async () => {
  const server = serverOf();
  const { look, state, close } = startReporter(server);
  state.isConnected = false;
  server.sighting.note(GONE);
  expect(await look()).toEqual([]);
  server.sighting.note(undefined);
  expect(await look()).toEqual([]);
  state.isConnected = true;
  expect(await look()).toMatchObject([{ health: 'CONNECTED' }]);
  expect(await look()).toEqual([]);
  await close();
});

test('a tool that is not as it was approved is told once, and a change of the configuration is no news of the server', async () => {
  const server = serverOf({ toolPins: [ECHO_PIN] });
  const { look, close } = startReporter(server);
  server.toolPins.compare('echo', { ...ECHO, description: 'something else' });
  expect(await look()).toEqual([{ serverId: server.config.id, health: null, detail: null, toolsChanged: true }]);
  server.toolPins.compare('echo', { ...ECHO, description: 'something else' });
  expect(await look()).toEqual([]);
  server.sighting.note(undefined);
  expect(compileServer({ ...server.config, name: 'Another' }, testSealer, server).sighting.take()).toEqual({ answers: 1, failure: undefined });
  await close();
});
