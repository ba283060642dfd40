/** Sessions that do not share a process: each has its own, for as long as it lasts, and nobody else ever reaches it. */
import { expect, test } from 'vitest';
import { rpcCall, toolCall } from '../../support/rpc-call.ts';
import { eventually } from '../../support/processes.ts';
import { isAlive, isolatedServer, limited, openTransport, resultOf, send, stdioServer, upstreamRequest } from '../../support/stdio-caller.ts';
import { initializeCall, SessionCaller } from '../../support/stdio-session-caller.ts';

const allGone = (pids: readonly unknown[]): Promise<true> =>
  eventually(() => (pids.some((pid) => isAlive(Number(pid))) ? undefined : true), `the end of ${pids.join(' and ')}`, 10_000);
const UNKNOWN_SESSION = { refusal: { status: 404, code: 'mcp_not_found', reason: 'unknown_session' } };

test('initialize reaches a child of the caller’s own as the caller wrote it, and its answer opens a session', async () => {
  const transport = openTransport();
  const server = isolatedServer();
  const answers = await Promise.all(['one', 'two'].map((name) => send(transport, upstreamRequest(server, initializeCall(name, '"\\u0069d"'))).received));
  const ids = answers.map((answer) => (answer.kind === 'answer' ? answer.head.upstreamSessionId : undefined));
  expect(new Set(ids).size).toBe(2);
  expect(ids).not.toContain(undefined);
  for (const [index, name] of ['one', 'two'].entries()) {
    expect(answers[index]?.text).toMatch(/^\{"jsonrpc":"2.0","id":"\\u0069d","result":\{"protocolVersion":"2025-06-18",.*"exact":1\.50\}\}$/);
    expect(JSON.parse(answers[index]?.text ?? '').result.received).toEqual({
      protocolVersion: '2025-11-25',
      capabilities: { sampling: {} },
      clientInfo: { name, version: '1' },
    });
  }
});

test('what one session leaves in its child is not there for another, of the same key or of another', async () => {
  const transport = openTransport();
  const server = isolatedServer();
  const [one, two, other] = await Promise.all(['key_1', 'key_1', 'key_2'].map((key) => SessionCaller.open(transport, server, key)));
  if (one === undefined || two === undefined || other === undefined) throw new Error('three sessions');
  for (const text of ['a', 'b']) await one.result('remember', { text });
  expect(await one.result('remember')).toEqual({ memory: ['a', 'b'] });
  expect(await two.result('remember')).toEqual({ memory: [] });
  expect(await other.result('remember')).toEqual({ memory: [] });
  expect(await resultOf(transport, server, toolCall('remember'))).toEqual({ memory: [] });
});

test('a session is unknown to another key, and one that never was is unknown to all', async () => {
  const transport = openTransport();
  const session = await SessionCaller.open(transport, isolatedServer());
  for (const changes of [{ apiKeyId: 'key_2' }, { upstreamSessionId: 'made up' }]) {
    expect(await session.request({ ...changes, call: toolCall('pid') }).received).toMatchObject(UNKNOWN_SESSION);
    for (const httpMethod of ['GET', 'DELETE'] as const) expect(await session.request({ ...changes, httpMethod }).received).toMatchObject(UNKNOWN_SESSION);
  }
  expect(await session.result('echo', { text: 'still here' })).toMatchObject({ content: [{ text: 'still here' }] });
});

test('calls of one session with the same id each get their own answer, and a batch is refused', async () => {
  const session = await SessionCaller.open(openTransport(), isolatedServer());
  const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => session.result('echo', { text: `canary-${index}` })));
  expect(answers).toEqual(Array.from({ length: 20 }, (_, index) => ({ content: [{ type: 'text', text: `canary-${index}` }] })));
  expect(await session.post('[{"jsonrpc":"2.0","id":1,"method":"tools/list"}]')).toMatchObject({ refusal: { reason: 'invalid_jsonrpc' } });
});

test('notifications reach the child byte for byte, a cancellation with the child’s own id, and one that means no call not at all', async () => {
  const session = await SessionCaller.open(openTransport(), isolatedServer());
  const notice = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":12345678901234567890,"progress":1.0}}';
  expect(await session.post(notice)).toMatchObject({ kind: 'answer', head: { status: 202 }, text: '' });
  expect(await session.post('{"jsonrpc":"2.0",\n"method":"notifications/initialized"}')).toMatchObject({ head: { status: 202 } });
  const hanging = session.request({ call: toolCall('hang', {}, '"mine"') }).received;
  expect((await session.result('told'))['heard']).toEqual([notice, '{"jsonrpc":"2.0", "method":"notifications/initialized"}']);
  await session.post('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"another"}}');
  await session.post('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"mine","reason":"enough"}}');
  expect(await hanging).toMatchObject({ refusal: { code: 'client_closed_request' } });
  const { cancelled, hanging: ids } = await session.result('cancelled');
  expect(cancelled).toEqual([{ requestId: Array.isArray(ids) ? ids[0] : undefined, reason: 'enough' }]);
});

test('DELETE ends the child, its calls and its stream, and the session is unknown afterwards', async () => {
  const session = await SessionCaller.open(openTransport(), isolatedServer({ FIXTURE_MODE: 'stubborn' }));
  const { pid, grandchild } = await session.result('fork');
  const hanging = session.call('hang').received;
  const stream = session.listen();
  expect(await session.request({ httpMethod: 'DELETE' }).received).toMatchObject({ kind: 'answer', head: { status: 200 }, text: '' });
  expect(await hanging).toMatchObject({ refusal: { code: 'client_closed_request' } });
  expect(await stream.received).toMatchObject({ kind: 'stream' });
  expect(await session.call('pid').received).toMatchObject(UNKNOWN_SESSION);
  expect(await session.listen().received).toMatchObject(UNKNOWN_SESSION);
  expect(await session.request({ httpMethod: 'DELETE' }).received).toMatchObject(UNKNOWN_SESSION);
  await allGone([pid, grandchild]);
});

test('a crash fails what is under way at once, ends the session alone, and a new one can be opened', async () => {
  const transport = openTransport();
  const server = isolatedServer();
  const [session, bystander] = [await SessionCaller.open(transport, server), await SessionCaller.open(transport, server)];
  const hanging = session.call('hang').received;
  const stream = session.listen();
  const crashed = session.call('crash').received;
  for (const received of [await hanging, await crashed, await stream.received]) {
    expect(received).toMatchObject({ refusal: { status: 502, code: 'stdio_error', reason: 'stdio_exited' } });
  }
  expect(await session.call('pid').received).toMatchObject(UNKNOWN_SESSION);
  await bystander.result('pid');
  await (await SessionCaller.open(transport, server)).result('pid');
});

test('callers without a session have one child per key, which we initialise and which nobody listens to', async () => {
  const transport = openTransport();
  const server = isolatedServer();
  const pidOf = async (apiKeyId: string): Promise<unknown> => {
    const { text } = await send(transport, upstreamRequest(server, toolCall('pid'), { apiKeyId })).received;
    return JSON.parse(text).result.pid;
  };
  const [first, again, other] = [await pidOf('key_1'), await pidOf('key_1'), await pidOf('key_2')];
  expect(again).toBe(first);
  expect(other).not.toBe(first);
  expect((await resultOf(transport, server, toolCall('ask')))['replies']).toHaveLength(3);
  expect(transport.noise.refusedRequests).toBe(2);
  expect((await resultOf(transport, server, toolCall('told')))['heard']).toEqual(['{"jsonrpc":"2.0","method":"notifications/initialized"}']);
  expect(await send(transport, upstreamRequest(server, rpcCall('{"jsonrpc":"2.0","id":1,"result":{}}'))).received).toMatchObject({ head: { status: 202 } });
  for (const httpMethod of ['GET', 'DELETE'] as const) {
    expect(await send(transport, upstreamRequest(server, undefined, { httpMethod })).received).toMatchObject({ refusal: { status: 405 } });
  }
  await send(transport, upstreamRequest(server, toolCall('crash'))).received;
  expect(await pidOf('key_1')).not.toBe(first);
  expect(await pidOf('key_2')).toBe(other);
});

test('an initialize that the server refuses is answered with its words, opens nothing, leaves nothing, and is no death', async () => {
  const lines: string[] = [];
  const transport = openTransport({ limits: { deathsMax: 1 }, onLog: (line) => lines.push(line) });
  for (let time = 0; time < 2; time++) {
    const received = await send(transport, upstreamRequest(isolatedServer({ FIXTURE_MODE: 'refusing' }), initializeCall())).received;
    expect(received).toMatchObject({
      kind: 'answer',
      head: { upstreamSessionId: undefined },
      text: '{"jsonrpc":"2.0","id":"init","error":{"code":-32603,"message":"no"}}',
    });
  }
  const pids = lines.flatMap((line) => /"childPid":(\d+).*starts/.exec(line)?.[1] ?? []);
  expect(pids).toHaveLength(2);
  await allGone(pids);
});

test('a child that does not answer initialize is ended, and one whose caller no longer waits for that too', async () => {
  const lines: string[] = [];
  const transport = openTransport({ limits: { startTimeoutMillis: 2000 }, onLog: (line) => lines.push(line) });
  const server = isolatedServer({ FIXTURE_MODE: 'silent' });
  const given = send(transport, upstreamRequest(server, initializeCall()));
  given.flight.cancel();
  expect(await send(transport, upstreamRequest(server, initializeCall())).received).toMatchObject({ refusal: { reason: 'stdio_unavailable' } });
  expect(given.sink.endings).toBe(0);
  await allGone(lines.flatMap((line) => /"childPid":(\d+).*starts/.exec(line)?.[1] ?? []));
});

test('a program that keeps dying is left alone for a while', async () => {
  const transport = openTransport({ limits: { deathsMax: 2 } });
  const reasons: (string | undefined)[] = [];
  for (let time = 0; time < 3; time++) {
    const received = await send(transport, upstreamRequest(isolatedServer({ FIXTURE_MODE: 'dying' }), initializeCall())).received;
    reasons.push(received.kind === 'failure' ? received.refusal.reason : undefined);
  }
  expect(reasons).toEqual(['stdio_exited', 'stdio_exited', 'stdio_unavailable']);
});

test.each([
  ['a server', { processesMax: 2 }, {}],
  ['the gateway', {}, { childrenMax: 2 }],
])('%s has only so many children: an idle session gives way to its own key, and to no other', async (_name, serverLimits, limits) => {
  const transport = openTransport({ limits });
  const server = limited(isolatedServer(), serverLimits);
  const [idle, busy] = [await SessionCaller.open(transport, server), await SessionCaller.open(transport, server)];
  const held = busy.call('hang');
  expect(await send(transport, upstreamRequest(server, initializeCall(), { apiKeyId: 'key_2' })).received).toMatchObject({
    refusal: { reason: 'stdio_overloaded' },
  });
  await idle.result('pid');
  const next = await SessionCaller.open(transport, server);
  expect(await idle.call('pid').received).toMatchObject(UNKNOWN_SESSION);
  next.listen();
  expect(await send(transport, upstreamRequest(server, initializeCall())).received).toMatchObject({ refusal: { reason: 'stdio_overloaded' } });
  expect(held.sink.endings).toBe(0);
});

test('a child without a session gives way to any key', async () => {
  const transport = openTransport({ limits: { childrenMax: 1 } });
  const server = isolatedServer();
  const { pid } = await resultOf(transport, server, toolCall('pid'));
  await SessionCaller.open(transport, server, 'key_2');
  await allGone([pid]);
});

test('one child works on so many calls at once and no more', async () => {
  const session = await SessionCaller.open(openTransport(), limited(isolatedServer(), { inFlightMax: 1 }));
  const held = session.call('hang');
  expect(await session.call('pid').received).toMatchObject({ refusal: { reason: 'stdio_overloaded' } });
  held.flight.cancel();
  await session.result('pid');
});

test('a session ends when it is idle, but not while its client listens or waits', async () => {
  const transport = openTransport();
  const server = limited(isolatedServer(), { processIdleMillis: 1000 });
  const listening = await SessionCaller.open(transport, server);
  const stream = listening.listen();
  const held = (await SessionCaller.open(transport, server)).call('hang');
  const idle = await SessionCaller.open(transport, server);
  await idle.result('chatter');
  const { pid } = await idle.result('pid');
  const ambient = await resultOf(transport, server, toolCall('pid'));
  await allGone([pid, ambient['pid']]);
  expect(await idle.call('pid').received).toMatchObject(UNKNOWN_SESSION);
  const { pid: listeningPid } = await listening.result('pid');
  expect(held.sink.endings).toBe(0);
  stream.flight.cancel();
  await allGone([listeningPid]);
});

test('a retired server’s sessions end, after the call that is under way', async () => {
  const transport = openTransport({ limits: { retireGraceMillis: 0 } });
  const server = limited(isolatedServer(), { totalTimeoutMillis: 2000 });
  const [idle, busy] = [await SessionCaller.open(transport, server), await SessionCaller.open(transport, server)];
  const pids = [(await idle.result('pid'))['pid'], (await busy.result('pid'))['pid']];
  const stream = idle.listen();
  const held = busy.call('hang').received;
  transport.retire('srv_1');
  expect(await stream.received).toMatchObject({ kind: 'stream' });
  expect(await held).toMatchObject({ refusal: { reason: 'total_timeout' } });
  await allGone(pids);
});

test('sessions outlive a change of the configuration that leaves the program as it is, and end when they are to be shared', async () => {
  const transport = openTransport();
  const before = await SessionCaller.open(transport, isolatedServer());
  const { pid } = await before.result('pid');
  transport.retire('srv_1');
  const { text } = await send(transport, upstreamRequest(isolatedServer(), toolCall('pid'), { upstreamSessionId: before.sessionId })).received;
  expect(JSON.parse(text).result.pid).toBe(pid);
  await resultOf(transport, stdioServer(), toolCall('pid'));
  await allGone([pid]);
  expect(await before.call('pid').received).toMatchObject(UNKNOWN_SESSION);
});

test('a session that only listens outlives a change that leaves the program as it is, but not one that switches the server off', async () => {
  let present = isolatedServer();
  let asked = 0;
  const presentForm = () => (asked++, present);
  const transport = openTransport({ limits: { retireGraceMillis: 0 }, presentForm });
  const session = await SessionCaller.open(transport, isolatedServer());
  const stream = session.listen();
  transport.retire('srv_1');
  await eventually(() => (asked === 1 ? true : undefined), 'the look at the present form');
  await session.result('pid');
  present = { ...present, config: { ...present.config, enabled: false } };
  transport.retire('srv_1');
  expect(await stream.received).toMatchObject({ kind: 'stream' });
});

test('nothing is left after close', async () => {
  const transport = openTransport();
  const server = isolatedServer({ FIXTURE_MODE: 'stubborn' });
  const session = await SessionCaller.open(transport, server);
  const { pid, grandchild } = await session.result('fork');
  const ambient = await resultOf(transport, server, toolCall('pid'));
  const stream = session.listen();
  const hanging = session.call('hang').received;
  await transport.close();
  expect([pid, grandchild, ambient['pid']].filter((each) => isAlive(Number(each)))).toEqual([]);
  expect(await hanging).toMatchObject({ refusal: { code: 'not_ready', reason: 'draining' } });
  expect(await stream.received).toMatchObject({ kind: 'stream' });
});
