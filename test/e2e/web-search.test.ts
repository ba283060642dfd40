/** A server that searches the web leads where its policy lets it: in calls, in what its tools are told, and in what they answer. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startAnsweringUpstream, type AnsweringUpstream } from '../support/answering-upstream.ts';
import { GatewayClient, refusalOf, toolCall } from '../support/gateway-client.ts';
import { startTestPlanes, type GovernedByTest, type TestPlanes } from '../support/planes.ts';
import { eventually } from '../support/processes.ts';

const SEARCH = {
  name: 'search',
  inputSchema: {
    type: 'object',
    properties: { query: { type: 'string' }, include_domains: { type: 'array', items: { type: 'string' } }, safe: { type: 'boolean' } },
  },
};

let planes: TestPlanes;
let upstream: AnsweringUpstream;
let governed: GovernedByTest;
let gateway: GatewayClient;

beforeAll(async () => {
  planes = await startTestPlanes();
  gateway = new GatewayClient(planes.dataUrl);
  upstream = await startAnsweringUpstream({ streams: false, tools: [SEARCH] });
  governed = await planes.governed({ slug: 'search', endpointUrl: upstream.url });
  const { admin } = planes.control;
  await admin.mutate('discoverTools', 'IdInput', { id: governed.serverId }, 'server { id }');
  const policy = { allowedDomains: ['good.com'], blockedDomains: ['bad.good.com'], safeSearch: true };
  await admin.mutate('setWebSearchPolicy', 'SetWebSearchPolicyInput', { serverId: governed.serverId, policy }, 'server { id }');
}, 120_000);
afterAll(async () => {
  await planes?.close();
  await upstream?.close();
});

const call = (args: Record<string, unknown>) => gateway.send('search', { key: governed.apiKey, body: toolCall('search', args) });
const sentSchema = z.object({ params: z.object({ arguments: z.record(z.string(), z.unknown()) }) });

test('the tool is told the policy, and its results show no other links', async () => {
  const line = '{"jsonrpc":"2.0","id":{{id}},"result":{"content":[{"type":"text","text":"{{web}}www.good.com/a {{web}}bad.good.com/b {{web}}evil.com/c"}]}}';
  const answer = await eventually(async () => {
    const answered = await call({ query: 'cats', line });
    return answered.text.includes('[redacted:DOMAIN]') ? answered : undefined;
  }, 'the policy being in force');
  expect(JSON.parse(answer.text)).toMatchObject({ result: { content: [{ text: 'https://www.good.com/a [redacted:DOMAIN] [redacted:DOMAIN]' }] } });
  const sent = sentSchema.parse(JSON.parse(upstream.calls.at(-1) ?? ''));
  expect(sent.params.arguments).toMatchObject({ query: 'cats', include_domains: ['good.com'], safe: true });
  const before = upstream.calls.length;
  const refused = await call({ query: 'site:evil.com cats' });
  expect(refusalOf(refused)).toMatchObject({ data: { code: 'mcp_guardrail_block', reason: 'web_search_policy', rule: 'webSearchPolicy.allowedDomains' } });
  expect(upstream.calls).toHaveLength(before);
  const query = 'query($id: String!) { usageRecord(requestId: $id) { dlpOutcome dlpFindings { direction kind rule action } } }';
  const record = await eventually(async () => {
    const { usageRecord } = await planes.control.admin.query(query, { id: refused.headers.get('turnpike-request-id') });
    return usageRecord ?? undefined;
  }, 'the record');
  expect(record).toEqual({ dlpOutcome: 'BLOCKED', dlpFindings: [{ direction: 'REQUEST', kind: 'DOMAIN', rule: 'allowedDomains', action: 'BLOCK' }] });
});
