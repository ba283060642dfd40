/** Which callers the bridge answers for, and how it opens and ends their sessions. */
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../../../shared/refusal.ts';
import { initialize, NO_SUCH_METHOD, refuse, startBridgedCaller } from '../../../support/bridged-caller.ts';
import type { SentRequest } from '../../../support/played-server.ts';
import { eventually } from '../../../support/processes.ts';
import { rpcCall, toolCall } from '../../../support/rpc-call.ts';

const LEGACY = { supportedVersions: ['2025-11-25'] };
const RESULT = '{"jsonrpc":"2.0","id":1,"result":{"ok":1.0}}';

describe('initialize', () => {
  test.each([
    [404, NO_SUCH_METHOD],
    [400, '{"jsonrpc":"2.0","id":null,"error":{"code":-32022,"message":"unsupported"}}'],
    [405, ''],
    [200, '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such method"}}'],
    [422, 'no'],
  ])('is answered by the bridge where the server of the revision says %i %s', async (status, body) => {
    const received = await startBridgedCaller({ greet: refuse(status, body) }).send(initialize({}, '2025-03-26', '"a\\u0062"')).sink.received;
    expect(received).toMatchObject({ kind: 'answer', head: { status: 200, upstreamSessionId: expect.stringContaining(' ') } });
    expect(received.text).toBe(
      '{"jsonrpc":"2.0","id":"a\\u0062","result":{"protocolVersion":"2025-03-26",' +
        '"capabilities":{"tools":{"listChanged":true},"prompts":{},"resources":{"subscribe":true,"listChanged":true}},' +
        '"serverInfo":{"name":"modern-server","version":"3"},"instructions":"Be kind."}}',
    );
  });

  test('names the newest revision with sessions where the client wants none that is known', async () => {
    const { sink } = startBridgedCaller().send(initialize({}, '2099-01-01'));
    expect((await sink.received).text).toContain('"protocolVersion":"2025-11-25"');
  });

  test('is an event where the caller reads nothing else', async () => {
    const received = await startBridgedCaller().send(initialize(), { acceptsJson: false }).sink.received;
    expect(received).toMatchObject({ kind: 'stream', text: expect.stringMatching(/^event: message\ndata: \{.*\}\n\n$/) });
  });

  test('goes to the server first, and what that answers stands when it speaks no other revision', async () => {
    const { send, inner } = startBridgedCaller({ discovered: LEGACY });
    expect(await send(initialize()).sink.received).toMatchObject({ head: { status: 404 }, text: NO_SUCH_METHOD });
    expect(inner.sent[0]?.text).toContain('"method":"initialize"');
  });

  test('is not touched where the server takes it', async () => {
    const { send, inner } = startBridgedCaller({ greet: refuse(200, RESULT) });
    expect((await send(initialize()).sink.received).text).toBe(RESULT);
    expect(inner.sent).toHaveLength(1);
  });

  test('may be refused in prose, which is no word of any revision', async () => {
    const greet = (sent: SentRequest) => sent.sink.fail(new Refusal('upstream_error', 'bad_status'));
    expect(await startBridgedCaller({ greet }).send(initialize()).sink.received).toMatchObject({ kind: 'answer', head: { status: 200 } });
    const legacy = startBridgedCaller({ greet, discovered: LEGACY }).send(initialize());
    expect(await legacy.sink.received).toMatchObject({ kind: 'failure', refusal: { reason: 'bad_status' } });
  });
});

describe('a caller without a session', () => {
  test('is spoken for once the server has not known what it said', async () => {
    const { send, inner, calls } = startBridgedCaller();
    const first = send(toolCall('echo'));
    inner.sent[0]?.answer('', { status: 400 });
    (await inner.at(2)).answer(RESULT);
    expect(await first.sink.received).toMatchObject({ text: RESULT });
    const second = send(toolCall('echo'));
    expect(calls()).toHaveLength(3);
    expect(calls()[2]?.header('mcp-method')).toBe('tools/call');
    calls()[2]?.answer(RESULT);
    expect(await second.sink.received).toMatchObject({ text: RESULT });
  });

  test('is not called for again where its call may have been executed', async () => {
    const { send, inner } = startBridgedCaller();
    const { sink } = send(toolCall('delete_file'));
    inner.sent[0]?.sink.fail(new Refusal('upstream_error', 'bad_status'));
    expect(await sink.received).toMatchObject({ kind: 'failure', refusal: { reason: 'bad_status' } });
    expect(inner.sent).toHaveLength(1);
  });

  test('who speaks 2026-07-28 goes straight to the server, whatever it answers', async () => {
    const { send, inner } = startBridgedCaller();
    const call = toolCall('echo', {}, '1', '{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}');
    const { sink } = send(call);
    expect(inner.sent[0]?.request.call).toBe(call);
    inner.sent[0]?.answer(NO_SUCH_METHOD, { status: 404 });
    expect(await sink.received).toMatchObject({ head: { status: 404 } });
  });
});

describe('a session', () => {
  test('of the server itself is none of the bridge', async () => {
    const { send, inner } = startBridgedCaller();
    const call = toolCall('echo');
    const { sink } = send(call, { upstreamSessionId: 'modern' });
    expect(inner.sent[0]?.request).toMatchObject({ call, upstreamSessionId: 'modern' });
    inner.sent[0]?.answer('', { status: 404 });
    expect(await sink.received).toMatchObject({ head: { status: 404 } });
  });

  test('that its client ends is unknown from then on', async () => {
    const { send, open } = startBridgedCaller();
    const session = await open();
    const { sink: stream } = send(undefined, session);
    expect(await send(undefined, { ...session, httpMethod: 'DELETE' }).sink.received).toMatchObject({ head: { status: 200 } });
    await stream.received;
    for (const again of [send(rpcCall('{"jsonrpc":"2.0","id":1,"method":"ping"}'), session), send(undefined, { ...session, httpMethod: 'DELETE' })]) {
      expect(await again.sink.received).toMatchObject({ kind: 'failure', refusal: { code: 'mcp_not_found', reason: 'unknown_session' } });
    }
  });

  test('is taken on by a node that has never heard of it', async () => {
    const [first, second] = [startBridgedCaller(), startBridgedCaller()];
    const { sink } = second.send(toolCall('echo'), await first.open({ sampling: {} }));
    expect(second.inner.sent[0]?.text).toContain('"io.modelcontextprotocol/clientCapabilities":{"sampling":{}}');
    second.inner.sent[0]?.answer(RESULT);
    expect(await sink.received).toMatchObject({ text: RESULT });
  });

  test('starts over once its server turns out to have been replaced by an older one', async () => {
    let millis = 0;
    const discovered = { supportedVersions: ['2026-07-28'] };
    const { send, open, calls } = startBridgedCaller({ discovered, clock: { now: () => millis, elapsed: () => millis } });
    const session = await open();
    millis += 600_000;
    discovered.supportedVersions = ['2025-11-25'];
    send(toolCall('echo'), session);
    expect(calls()).toHaveLength(1);
    const refused = await eventually(async () => {
      const { sink } = send(rpcCall('{"jsonrpc":"2.0","id":1,"method":"ping"}'), session);
      const received = await sink.received;
      return received.kind === 'failure' ? received.refusal : undefined;
    }, 'the end of the session');
    expect(refused).toMatchObject({ code: 'mcp_not_found', reason: 'unknown_session' });
  });
});
