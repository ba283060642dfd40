/** Calls at the same time in one session of a server that has a single channel: each has an event stream of its own, and hears nothing of the others. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startConformanceFixture, type ConformanceFixture } from '../support/conformance/fixture.ts';
import { prepareFixtureLaunch } from '../support/conformance/launch.ts';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';

let directory: string;
let planes: TestPlanes;
let fixture: ConformanceFixture;
let servers: Readonly<Record<string, Readonly<Record<string, unknown>>>>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'turnpike-streams-'));
  const launch = await prepareFixtureLaunch(directory);
  [planes, fixture] = await Promise.all([startTestPlanes(launch.environment), startConformanceFixture()]);
  servers = { stdio: launch.server, sse: { transport: 'SSE', endpointUrl: fixture.sseUrl } };
}, 120_000);

afterAll(async () => {
  await planes?.close();
  await Promise.all([fixture?.close(), rm(directory, { recursive: true, force: true })]);
});

const eventSchema = z.object({
  id: z.number().optional(),
  method: z.string().optional(),
  params: z.looseObject({ progressToken: z.string().optional(), progress: z.number().optional() }).optional(),
  result: z.looseObject({}).optional(),
});

function eventsIn(stream: string): z.infer<typeof eventSchema>[] {
  return [...stream.matchAll(/^data: (.+)$/gm)].map(([, data = '']) => eventSchema.parse(JSON.parse(data)));
}

test.each(['stdio', 'sse'])('over %s three calls at once have three streams, each with its own progress and answer', async (slug) => {
  const { url, apiKey } = await planes.governed({ slug, ...servers[slug] });
  const post = async (message: Record<string, unknown>, headers: Record<string, string> = {}) => {
    const common = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    return fetch(url, { method: 'POST', headers: { ...common, ...headers }, body: JSON.stringify({ jsonrpc: '2.0', ...message }) });
  };
  const clientInfo = { name: 'streams', version: '1' };
  const greeting = await post({ id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo } });
  await greeting.text();
  const session = { 'mcp-session-id': greeting.headers.get('mcp-session-id') ?? '' };
  await (await post({ method: 'notifications/initialized' }, session)).text();

  const told = await Promise.all(
    [1, 2, 3].map(async (id) => {
      const params = { name: 'test_tool_with_progress', arguments: {}, _meta: { progressToken: `token-${id}` } };
      const answer = await post({ id, method: 'tools/call', params }, session);
      return { type: answer.headers.get('content-type'), events: eventsIn(await answer.text()) };
    }),
  );

  for (const [index, { type, events }] of told.entries()) {
    const progressToken = `token-${index + 1}`;
    expect(type).toContain('text/event-stream');
    expect(events).toMatchObject([
      ...[0, 50, 100].map((progress) => ({ method: 'notifications/progress', params: { progressToken, progress } })),
      { id: index + 1, result: { content: [{ type: 'text' }] } },
    ]);
  }
});
