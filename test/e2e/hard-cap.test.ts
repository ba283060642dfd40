/** Budgets that an answer is too long for: not a byte passes that they do not pay for, in either form of answer and whoever calls at once. */
import { createServer, type ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { AdminClient } from '../support/admin-client.ts';
import { GatewayClient, refusalOf, toolCall } from '../support/gateway-client.ts';
import { newLimit, windowsOf } from '../support/limits.ts';
import { listenOnLoopback } from '../support/loopback.ts';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';
import { eventually } from '../support/processes.ts';
import { settled } from '../support/stack.ts';

const KIBIBYTE = 1024;
const messageSchema = z.object({ id: z.number(), params: z.object({ arguments: z.object({ events: z.number(), kibibytes: z.number() }) }) });

describe('an answer', () => {
  let planes: TestPlanes;
  let upstream: { origin: string; close(): Promise<void> };
  let admin: AdminClient;
  let slugs = 0;

  beforeAll(async () => {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        if (body.includes('tools/call')) answer(response, messageSchema.parse(JSON.parse(body)));
        else response.writeHead(202).end();
      });
    });
    [planes, upstream] = await Promise.all([startTestPlanes(), listenOnLoopback(server)]);
    admin = planes.control.admin;
  }, 120_000);
  afterAll(async () => {
    await planes?.close();
    await upstream?.close();
  });

  /** A server that costs a thousand nanos for each byte of its answers. */
  async function priced(): Promise<{ slug: string; key: string; serverId: string }> {
    const slug = `talkative-${++slugs}`;
    const pricing = { usdPerMillionOutputBytes: '1.00' };
    const server = await admin.createServer({ name: slug, slug, transport: 'STREAMABLE_HTTP', endpointUrl: `${upstream.origin}/mcp`, pricing });
    const apiKey = await admin.createApiKey();
    await admin.grant(apiKey.id, server.id);
    return { slug, key: apiKey.secret, serverId: server.id };
  }

  const call = (slug: string, key: string, events: number, kibibytes: number) =>
    new GatewayClient(planes.dataUrl).send(slug, {
      key,
      body: toolCall('talk', { events, kibibytes }),
      // Who takes events is an MCP client, which is told of a refusal by a 200.
      headers: { accept: events === 0 ? 'application/json' : 'application/json, text/event-stream' },
    });

  const lastWindow = (list: 'budgets' | 'quotas') =>
    eventually(async () => {
      const window = (await windowsOf(admin, list)).at(-1);
      return window?.reserved === '0' && window.used !== '0' ? window : undefined;
    }, 'the call being settled');

  const sumOfRecords = async (serverId: string, column: 'cost_nanos_usd' | 'output_bytes', records: number) =>
    eventually(async () => {
      const [row] = await planes.control.database.query(
        `select sum(u.${column})::text as total, count(*)::int as records from usage_records u join mcp_usage_records m using (request_id) where m.server_id = $1`,
        [serverId],
      );
      return row?.['records'] === records ? row['total'] : undefined;
    }, 'every record being written');

  test('as long as the budget pays for passes whole, far beyond what is held at first', async () => {
    const { slug, key, serverId } = await priced();
    await newLimit(admin, 'Budget', { ownerType: 'MCP_SERVER', ownerId: serverId, limitUsd: '1' });
    await settled(admin);
    const json = await call(slug, key, 0, 400);
    const stream = await call(slug, key, 40, 10);
    expect([json.status, stream.status]).toEqual([200, 200]);
    expect(stream.text.match(/"last":true/g)).toHaveLength(1);
    const bytes = Buffer.byteLength(json.text) + Buffer.byteLength(stream.text);
    expect(bytes).toBeGreaterThan(800 * KIBIBYTE);
    expect((await lastWindow('budgets')).used).toBe(String(1000 * bytes));
    expect(await sumOfRecords(serverId, 'cost_nanos_usd', 2)).toBe(String(1000 * bytes));
  });

  test('that is longer is a 402 as JSON, and costs nothing of what did not pass', async () => {
    const { slug, key, serverId } = await priced();
    const limitId = await newLimit(admin, 'Budget', { ownerType: 'MCP_SERVER', ownerId: serverId, limitUsd: '0.3' });
    await settled(admin);
    const answered = await call(slug, key, 0, 400);
    expect(answered.status).toBe(402);
    expect(refusalOf(answered).data).toMatchObject({ code: 'budget_exceeded', reason: 'budget_exhausted', limitId });
    expect((await call(slug, key, 0, 100)).status).toBe(200);
    expect(await sumOfRecords(serverId, 'cost_nanos_usd', 2)).toBe((await lastWindow('budgets')).used);
  });

  test('that is longer is cut as a stream, with a last event that says why, before more passes than is paid for', async () => {
    const { slug, key, serverId } = await priced();
    await newLimit(admin, 'Budget', { ownerType: 'MCP_SERVER', ownerId: serverId, limitUsd: '0.3' });
    await settled(admin);
    const { status, text } = await call(slug, key, 40, 10);
    expect(status).toBe(200);
    expect(text).not.toContain('"last":true');
    const events = text.trimEnd().split('\n\n');
    expect(events.at(-1)).toContain('"reason":"budget_exhausted"');
    const { used } = await lastWindow('budgets');
    expect(Number(used)).toBeLessThanOrEqual(300_000_000);
    expect(Number(used)).toBeGreaterThan(200_000_000);
    expect(await sumOfRecords(serverId, 'cost_nanos_usd', 1)).toBe(used);
  });

  test.each([
    ['ENFORCE', 402],
    ['OBSERVE', 200],
  ])('that a window has not room for at all: %s is %i', async (mode, status) => {
    const { slug, key, serverId } = await priced();
    await newLimit(admin, 'Budget', { ownerType: 'MCP_SERVER', ownerId: serverId, limitUsd: '0.001', mode });
    await settled(admin);
    expect((await call(slug, key, 0, 200)).status).toBe(status);
  });

  test('keeps to a quota of bytes as to a budget, whatever it costs', async () => {
    const { slug, key, serverId } = await priced();
    await newLimit(admin, 'Quota', { ownerType: 'MCP_SERVER', ownerId: serverId, metric: 'OUTPUT_BYTES', limit: String(150 * KIBIBYTE) });
    await settled(admin);
    expect((await call(slug, key, 0, 100)).status).toBe(200);
    const answered = await call(slug, key, 0, 100);
    expect(answered.status).toBe(429);
    expect(refusalOf(answered).data).toMatchObject({ code: 'quota_exceeded', reason: 'quota_exhausted' });
    expect((await lastWindow('quotas')).used).toBe(await sumOfRecords(serverId, 'output_bytes', 2));
  });

  test('and many others at once never take a budget past its limit', async () => {
    const { slug, key, serverId } = await priced();
    await newLimit(admin, 'Budget', { ownerType: 'MCP_SERVER', ownerId: serverId, limitUsd: '2' });
    await settled(admin);
    const answers = await Promise.all(Array.from({ length: 30 }, (_, index) => call(slug, key, index % 2 === 0 ? 0 : 12, index % 2 === 0 ? 150 : 15)));
    expect(answers.some(({ status }) => status === 200)).toBe(true);
    expect(answers.some(({ status, text }) => status === 402 || text.includes('budget_exhausted'))).toBe(true);
    const { used } = await lastWindow('budgets');
    expect(Number(used)).toBeLessThanOrEqual(2_000_000_000);
    expect(await sumOfRecords(serverId, 'cost_nanos_usd', 30)).toBe(used);
  });
});

/** One JSON body, or so many events of that size and then the answer. */
function answer(response: ServerResponse, { id, params }: z.infer<typeof messageSchema>): void {
  const { events, kibibytes } = params.arguments;
  const text = 'x'.repeat(kibibytes * KIBIBYTE);
  if (events === 0) {
    response.writeHead(200, { 'content-type': 'application/json' });
    return void response.end(JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text }] } }));
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const progress = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: text } });
  for (let index = 0; index < events; index++) response.write(`event: message\ndata: ${progress}\n\n`);
  response.end(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', id, result: { content: [], last: true } })}\n\n`);
}
