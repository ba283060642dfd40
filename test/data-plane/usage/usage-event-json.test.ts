/** The event that is written by hand is the event that the reader of the stream understands, whatever the caller put into it. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Exchange } from '../../../data-plane/exchange.ts';
import { readRpcCall } from '../../../data-plane/mcp/read-rpc-call.ts';
import { Trail } from '../../../data-plane/trail.ts';
import { eventEnding, eventHead, unknownEnding } from '../../../data-plane/usage/usage-event-json.ts';
import { systemClock } from '../../../shared/clock.ts';
import { NO_PRICE } from '../../../shared/pricing.ts';
import { TokenHasher } from '../../../shared/token.ts';
import { testSecretKey } from '../../support/config-frames.ts';
import { apiKey } from '../../support/domain.ts';
import { Refusal } from '../../../shared/refusal.ts';
import { readUsageEvent, USAGE_EVENT_FIELDS, writeUsageEvent, type UsageEvent } from '../../../shared/usage-event.ts';

function exchangeOf(headers: Record<string, string> = {}): Exchange {
  const request = new IncomingMessage(new Socket());
  request.method = 'POST';
  Object.assign(request.headers, headers);
  return new Exchange(request, new ServerResponse(request), { identifier: 'files', tailPath: '' }, systemClock);
}

function trailOf(tool: string): Trail {
  const trail = new Trail();
  const call = readRpcCall(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool } })));
  trail.rpc = { call, message: call.messages[0], era: 'legacy', session: undefined };
  trail.tool = tool;
  trail.inputBytes = call.bytes.length;
  return trail;
}

const read = (json: string): UsageEvent => readUsageEvent(JSON.parse(json));

test('an answered call, with any tool and any client', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), fc.nat(), fc.boolean(), (tool, version, outputBytes, isToolError) => {
      const exchange = exchangeOf({ 'mcp-protocol-version': version });
      const outcome = { status: 200, outputBytes, upstreamMillis: 1.25, isToolError, failure: undefined };
      const event = read(eventHead('node:1', exchange, trailOf(tool), NO_PRICE) + eventEnding(outcome, trailOf(tool), 2.5, 12_345_678_901_234_567n));
      expect(event).toMatchObject({
        requestId: exchange.requestId,
        dataPlane: 'node:1',
        serverSlug: 'files',
        rpcMethod: 'tools/call',
        tool: tool.slice(0, 256),
        protocolVersion: version.slice(0, 256),
        status: 200,
        decision: 'ALLOWED',
        outputBytes,
        isToolError,
        latencyMicros: 2500,
        upstreamLatencyMicros: 1250,
        costNanosUsd: '12345678901234567',
      });
    }),
  );
});

test('a denied call tells code, reason, sentence and rule', () => {
  const rule = { kind: 'mcpServer', id: 'srv_1', path: 'blockedTools' };
  const trail = trailOf('rm');
  trail.observed.push('quota_exceeded/quota_exhausted');
  trail.at({ name: 'applyToolRules' });
  const refusal = new Refusal('mcp_guardrail_block', 'blocked_tool', `tool "rm" is blocked`, { rule, retryAfterSeconds: 3 });
  expect(read(eventHead('node', exchangeOf(), trail, NO_PRICE) + eventEnding(refusal, trail, 0.5, 0n))).toMatchObject({
    decision: 'DENIED',
    status: 403,
    code: 'mcp_guardrail_block',
    reason: 'blocked_tool',
    message: refusal.message,
    rule,
    retryAfterSeconds: 3,
    observed: ['quota_exceeded/quota_exhausted'],
    upstreamLatencyMicros: null,
    agentId: null,
    step: 12,
  });
});

test.each([
  [{ agentId: 'agt_1', clientId: 'agc_1', objection: undefined }, 'agt_1', 'agc_1'],
  [{ agentId: 'agt_1', clientId: null, objection: undefined }, 'agt_1', null],
  [{ agentId: null, clientId: null, objection: undefined }, null, null],
  [undefined, null, null],
])('an agent is told however the request ends: %j', (client, agentId, agentClientId) => {
  const trail = trailOf('echo');
  trail.client = client;
  const head = eventHead('node', exchangeOf(), trail, NO_PRICE);
  const outcome = { status: 200, outputBytes: 0, upstreamMillis: 1, isToolError: false, failure: undefined };
  const refusal = new Refusal('mcp_guardrail_block', 'blocked_tool', 'blocked');
  for (const ending of [eventEnding(outcome, trail, 1, 0n), eventEnding(refusal, trail, 1, 0n), unknownEnding(7n, 0, trail)])
    expect(read(head + ending)).toMatchObject({ agentId, agentClientId });
});

test('a request that is refused before its client is known is of the agent that its key is bound to', () => {
  const trail = trailOf('echo');
  trail.key = apiKey('org_1', new TokenHasher(testSecretKey.derive('token-hash')), { agentId: 'agt_bound' }).key;
  const refusal = new Refusal('mcp_not_allowed', 'agent_not_mapped', 'not mapped');
  const event = read(eventHead('node', exchangeOf(), trail, NO_PRICE) + eventEnding(refusal, trail, 1, 0n));
  expect(event).toMatchObject({ agentId: 'agt_bound', agentClientId: null });
});

test('what is kept for a node that is lost is an event too', () => {
  expect(read(eventHead('node', exchangeOf(), trailOf('echo'), NO_PRICE) + unknownEnding(7n, 0, new Trail()))).toMatchObject({
    decision: 'ERRORED',
    code: 'upstream_error',
    reason: 'connection_lost',
    costNanosUsd: '7',
  });
});

test('what is written is read; another format is not', () => {
  const event = read(eventHead('node', exchangeOf(), trailOf('echo'), NO_PRICE) + unknownEnding(7n, 0, new Trail()));
  expect(read(writeUsageEvent(event))).toEqual(event);
  expect(Object.keys(event).toSorted()).toEqual([...USAGE_EVENT_FIELDS].toSorted());
  for (const wrong of ['[2]', '[1]', '{}', 'null', JSON.stringify(event)]) expect(() => read(wrong)).toThrow();
});
