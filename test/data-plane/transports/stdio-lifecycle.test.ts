/** Child processes start when they are wanted, end without a trace, and their deaths are told at once. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, openSync, closeSync, fstatSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { rpcCall, toolCall } from '../../support/rpc-call.ts';
import { eventually, ROOT } from '../../support/processes.ts';
import { FIXTURE, isAlive, limited, NODE, openTransport, resultOf, send, stdioServer, upstreamRequest } from '../../support/stdio-caller.ts';

async function pidsOf(transport: Parameters<typeof resultOf>[0], server: Parameters<typeof resultOf>[1], call = toolCall('fork')): Promise<number[]> {
  const { pid, grandchild } = await resultOf(transport, server, call);
  return [Number(pid), Number(grandchild)];
}

const allGone = (pids: readonly number[]): Promise<true> =>
  eventually(() => (pids.some(isAlive) ? undefined : true), `the end of ${pids.join(' and ')}`, 10_000);

test.each([
  ['exits', 'crash', 'exited with code 3'],
  ['is killed', 'die', 'was ended by SIGKILL'],
])('a child that %s fails every call in flight at once, and the next call works', async (_name, tool, how) => {
  const transport = openTransport();
  const server = stdioServer();
  const waiting = [1, 2, 3].map(() => send(transport, upstreamRequest(server, toolCall('hang'))).received);
  const culprit = send(transport, upstreamRequest(server, toolCall(tool))).received;
  for (const received of await Promise.all([...waiting, culprit])) {
    expect(received).toMatchObject({
      refusal: { status: 502, code: 'stdio_error', reason: 'stdio_exited', message: `the process of server fixture ${how} before it answered` },
    });
  }
  expect(await resultOf(transport, server, toolCall('echo', { text: 'back' }))).toMatchObject({ content: [{ text: 'back' }] });
});

test('what a child says before it exits is delivered, and a call without an answer fails even when the exit is clean', async () => {
  const transport = openTransport();
  const server = stdioServer();
  const waiting = send(transport, upstreamRequest(server, toolCall('hang'))).received;
  expect(await resultOf(transport, server, toolCall('farewell'))).toEqual({ last: true });
  expect(await waiting).toMatchObject({ refusal: { reason: 'stdio_exited', message: 'the process of server fixture exited with code 0 before it answered' } });
});

test('a child that dies takes what it started with it', async () => {
  const transport = openTransport();
  const server = stdioServer();
  const pids = await pidsOf(transport, server, toolCall('fork', { pipes: 'inherit' }));
  await send(transport, upstreamRequest(server, toolCall('die'))).received;
  await allGone(pids);
});

test('a child that closes its output is ended, and its calls fail', async () => {
  const transport = openTransport();
  const server = stdioServer({ FIXTURE_MODE: 'stubborn' });
  expect(await send(transport, upstreamRequest(server, toolCall('mute'))).received).toMatchObject({ refusal: { reason: 'stdio_exited' } });
  await resultOf(transport, server, toolCall('pid'));
});

test('nothing is left after close, of children that ignore SIGTERM and of what they started', async () => {
  const transport = openTransport();
  const server = stdioServer({ FIXTURE_MODE: 'stubborn' });
  const pids = await pidsOf(transport, server);
  const { cwd } = await resultOf(transport, server, toolCall('environment'));
  const waiting = send(transport, upstreamRequest(server, toolCall('hang'))).received;
  await transport.close();
  expect(pids.filter(isAlive)).toEqual([]);
  expect(existsSync(String(cwd))).toBe(false);
  expect(await waiting).toMatchObject({ refusal: { code: 'not_ready', reason: 'draining' } });
  expect(await send(transport, upstreamRequest(server, toolCall('pid'))).received).toMatchObject({ refusal: { reason: 'draining' } });
});

test('nothing is left after the gateway is killed with SIGKILL', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'turnpike-test-'));
  const gateway = spawn(NODE, [join(ROOT, 'test/support/stdio-victim.ts')], {
    env: { ...process.env, TMPDIR: directory },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    gateway.kill('SIGKILL');
    rmSync(directory, { recursive: true });
  });
  const [line]: unknown[] = await once(gateway.stdout, 'data');
  const { pid, grandchild }: { pid: number; grandchild: number } = JSON.parse(String(line));
  expect([pid, grandchild].every(isAlive)).toBe(true);
  gateway.kill('SIGKILL');
  await allGone([pid, grandchild]);
});

test('a child sees six harmless variables, its own, an empty directory and no file of the gateway', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'turnpike-test-'));
  const file = openSync(join(directory, 'secret'), 'w');
  onTestFinished(() => {
    closeSync(file);
    rmSync(directory, { recursive: true });
  });
  const inherited = { HOME: '/home/gateway', LOGNAME: 'gateway', SHELL: '/bin/sh', TERM: 'dumb', USER: 'gateway' };
  const transport = openTransport({ environment: { ...inherited, TURNPIKE_SECRET_KEY: 'canary', NODE_OPTIONS: '--no-warnings', USER: '() { :; }' } });
  const seen = await resultOf(transport, stdioServer({ FIXTURE_SECRET: 'mine' }), toolCall('environment'));
  const { USER: _function, ...safe } = inherited;
  expect(seen['env']).toEqual({ ...safe, PATH: process.env['PATH'], FIXTURE_SECRET: 'mine' });
  expect(seen['entries']).toEqual([]);
  expect(String(seen['cwd'])).not.toBe(process.cwd());
  expect(seen['inodes']).not.toContain(fstatSync(file).ino);
});

test.each([
  ['a command', stdioServer({}, [], '/bin/sh')],
  ['an argument', stdioServer({}, [FIXTURE, '--more'])],
  ['a variable', stdioServer({ OTHER: '1' })],
  ['a variable that loads code', stdioServer({ NODE_OPTIONS: '--require=x' })],
])('%s that is not on the allow-list is refused, and nothing is started', async (_name, server) => {
  const lines: string[] = [];
  const transport = openTransport({ onLog: (line) => lines.push(line) });
  for (const call of [toolCall('pid'), rpcCall('{"jsonrpc":"2.0","id":1,"method":"initialize"}'), rpcCall('{"jsonrpc":"2.0","id":1,"method":"ping"}')]) {
    expect(await send(transport, upstreamRequest(server, call)).received).toMatchObject({ refusal: { code: 'stdio_error', reason: 'stdio_not_allowed' } });
  }
  expect(lines).toEqual([]);
});

test('a server without a command has no endpoint', async () => {
  const server = stdioServer({}, [], null);
  expect(await send(openTransport(), upstreamRequest(server, toolCall('pid'))).received).toMatchObject({ refusal: { code: 'missing_endpoint' } });
});

test('a program that is not there is refused, and refused without a try after five times', async () => {
  const transport = openTransport({ limits: { pauseMillisMin: 90_000 } });
  const server = stdioServer({}, [], '/nowhere/program');
  for (let time = 0; time < 5; time++) {
    expect(await send(transport, upstreamRequest(server, toolCall('pid'))).received).toMatchObject({
      refusal: { reason: 'stdio_unavailable', message: 'the command /nowhere/program could not be started' },
    });
  }
  expect(await send(transport, upstreamRequest(server, toolCall('pid'))).received).toMatchObject({
    refusal: { reason: 'stdio_unavailable', facts: { retryAfterSeconds: 90 } },
  });
});

test('a child that keeps dying is left alone for a while, and then tried again', async () => {
  const transport = openTransport({ limits: { deathsMax: 2, pauseMillisMin: 1000 } });
  const server = stdioServer({ FIXTURE_MODE: 'dying' });
  const reasons: string[] = [];
  const ask = async (): Promise<void> => {
    const received = await send(transport, upstreamRequest(server, toolCall('pid'))).received;
    if (received.kind === 'failure') reasons.push(received.refusal.reason);
  };
  for (let time = 0; time < 3; time++) await ask();
  expect(reasons).toEqual(['stdio_exited', 'stdio_exited', 'stdio_unavailable']);
  await eventually(async () => {
    await ask();
    return reasons.at(-1) === 'stdio_exited' ? true : undefined;
  }, 'another try');
});

test.each([
  ['does not answer initialize', 'silent', 'stdio_unavailable'],
  ['refuses to be initialised', 'refusing', 'stdio_protocol'],
])('a child that %s is ended, and its calls fail', async (_name, mode, reason) => {
  const transport = openTransport({ limits: { startTimeoutMillis: 3000 } });
  const received = await send(transport, upstreamRequest(stdioServer({ FIXTURE_MODE: mode }), toolCall('pid'))).received;
  expect(received).toMatchObject({ refusal: { code: 'stdio_error', reason } });
});

test('a line beyond the limit ends the child and every call, and the next call works', async () => {
  const transport = openTransport({ limits: { lineBytesMax: 100_000 } });
  const server = stdioServer();
  const waiting = send(transport, upstreamRequest(server, toolCall('hang'))).received;
  const culprit = send(transport, upstreamRequest(server, toolCall('huge', { bytes: 1_000_000 }))).received;
  for (const received of await Promise.all([waiting, culprit])) expect(received).toMatchObject({ refusal: { reason: 'stdio_protocol' } });
  await resultOf(transport, server, toolCall('pid'));
});

test('a flood on standard error blocks nothing, and its end is logged without secrets', async () => {
  const lines: string[] = [];
  const transport = openTransport({ onLog: (line) => lines.push(line) });
  const server = stdioServer({ FIXTURE_SECRET: 'sup3r-s3cret' });
  expect(await resultOf(transport, server, toolCall('flood', { mebibytes: 4 }))).toEqual({ flooded: 4 });
  await resultOf(transport, server, toolCall('complain', { text: '\nsecret sup3r-s3cret was wrong\n' }));
  await transport.close();
  const told = lines.find((line) => line.includes('last words'));
  expect(told).toContain('secret [redacted] was wrong');
  expect(lines.join('')).not.toContain('sup3r-s3cret');
});

test('a child that stops reading is ended by the time of its calls, and by close', async () => {
  const transport = openTransport();
  const server = limited(stdioServer(), { totalTimeoutMillis: 3000 });
  const [pid] = await pidsOf(transport, server);
  const stalled = send(transport, upstreamRequest(server, toolCall('stall'))).received;
  expect(await stalled).toMatchObject({ refusal: { reason: 'total_timeout' } });
  await transport.close();
  expect(isAlive(pid ?? 0)).toBe(false);
});

test('an idle child ends, and the next call starts another', async () => {
  const transport = openTransport();
  const server = limited(stdioServer(), { processIdleMillis: 100 });
  const { pid } = await resultOf(transport, server, toolCall('pid'));
  await allGone([Number(pid)]);
  expect((await resultOf(transport, server, toolCall('pid')))['pid']).not.toBe(pid);
});

test('a retired server’s child finishes its call and ends', async () => {
  const transport = openTransport({ limits: { retireGraceMillis: 0 } });
  const server = limited(stdioServer(), { totalTimeoutMillis: 3000 });
  const { pid } = await resultOf(transport, server, toolCall('pid'));
  const held = send(transport, upstreamRequest(server, toolCall('hang'))).received;
  transport.retire('srv_1');
  expect(await held).toMatchObject({ refusal: { reason: 'total_timeout' } });
  await allGone([Number(pid)]);
});

test('a changed configuration keeps the child when the program is the same, and replaces it when it is not', async () => {
  const transport = openTransport();
  const pidOf = async (server: ReturnType<typeof stdioServer>): Promise<unknown> => (await resultOf(transport, server, toolCall('pid')))['pid'];
  const before = await pidOf(stdioServer({ FIXTURE_SECRET: 'one' }));
  transport.retire('srv_1');
  expect(await pidOf(stdioServer({ FIXTURE_SECRET: 'one' }))).toBe(before);
  expect(await pidOf(stdioServer({ FIXTURE_SECRET: 'two' }))).not.toBe(before);
  await allGone([Number(before)]);
});

test('a change of its limits alone keeps the child, and they hold from then on', async () => {
  const transport = openTransport();
  const { pid } = await resultOf(transport, stdioServer(), toolCall('pid'));
  const strict = limited(stdioServer(), { inFlightMax: 1, totalTimeoutMillis: 1000, processIdleMillis: 100 });
  expect((await resultOf(transport, strict, toolCall('pid')))['pid']).toBe(pid);
  const held = send(transport, upstreamRequest(strict, toolCall('hang'))).received;
  expect(await send(transport, upstreamRequest(strict, toolCall('pid'))).received).toMatchObject({ refusal: { reason: 'stdio_overloaded' } });
  expect(await held).toMatchObject({ refusal: { reason: 'total_timeout' } });
  await allGone([Number(pid)]);
});

test('an idle child of one server makes room for another server’s, a busy one does not', async () => {
  const transport = openTransport({ limits: { childrenMax: 1 } });
  const [first, second] = ['srv_1', 'srv_2'].map((id) => ({ ...stdioServer(), config: { ...stdioServer().config, id } }));
  if (first === undefined || second === undefined) throw new Error('two servers');
  const { pid } = await resultOf(transport, first, toolCall('pid'));
  const held = send(transport, upstreamRequest(second, toolCall('hang')));
  await allGone([Number(pid)]);
  expect(await send(transport, upstreamRequest(first, toolCall('pid'))).received).toMatchObject({ refusal: { reason: 'stdio_overloaded' } });
  held.flight.cancel();
  await resultOf(transport, first, toolCall('pid'));
});

test('a server may have several children, and a second one starts when the first is full', async () => {
  const transport = openTransport();
  const server = limited(stdioServer(), { processesMax: 2, inFlightMax: 1 });
  const held = send(transport, upstreamRequest(server, toolCall('hang')));
  await resultOf(transport, server, toolCall('pid'));
  held.flight.cancel();
});
