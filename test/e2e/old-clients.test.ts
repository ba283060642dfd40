/** Clients of revision 2024-11-05, in front of servers of every transport: what they ask is posted, and all that they hear comes on one stream. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startConformanceFixture, type ConformanceFixture } from '../support/conformance/fixture.ts';
import { prepareFixtureLaunch } from '../support/conformance/launch.ts';
import { connectOldClient } from '../support/old-client.ts';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';
import { eventually } from '../support/processes.ts';
import { greet, openRawDoor } from '../support/raw-door.ts';

const BLOCKED = 'test_image_content';

let directory: string;
let planes: TestPlanes;
let fixture: ConformanceFixture;
let targets: Readonly<Record<string, { url: string; apiKey: string }>>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'turnpike-old-clients-'));
  const launch = await prepareFixtureLaunch(directory);
  [planes, fixture] = await Promise.all([startTestPlanes(launch.environment), startConformanceFixture()]);
  const blockedTools = [BLOCKED];
  targets = {
    http: await planes.governed({ slug: 'http', endpointUrl: fixture.url, blockedTools }),
    sse: await planes.governed({ slug: 'sse', transport: 'SSE', endpointUrl: fixture.sseUrl, blockedTools }),
    stdio: await planes.governed({ slug: 'stdio', ...launch.server, blockedTools }),
    shared: await planes.governed({ slug: 'shared', ...launch.server, stdioIsolation: 'SHARED', blockedTools }),
  };
}, 120_000);

afterAll(async () => {
  await planes?.close();
  await Promise.all([fixture?.close(), rm(directory, { recursive: true, force: true })]);
});

function targetOf(slug: string): { url: string; apiKey: string } {
  const target = targets[slug];
  if (target === undefined) throw new Error(`there is no server ${slug}`);
  return target;
}

describe.each(['http', 'sse', 'stdio', 'shared'])('a server over %s', (slug) => {
  test('is initialised, and lists and calls its tools, but for what is blocked', async () => {
    const { client, endpoint } = await connectOldClient(targetOf(slug));
    expect(client.getServerVersion()).toMatchObject({ name: 'turnpike-conformance-fixture' });
    expect(endpoint().pathname).toBe(`/v1/mcp/${slug}/messages`);
    const names = (await client.listTools()).tools.map(({ name }) => name);
    expect(names).toContain('test_simple_text');
    expect(names).not.toContain(BLOCKED);
    expect(await client.callTool({ name: 'test_simple_text' })).toMatchObject({ content: [{ type: 'text' }] });
    await expect(client.callTool({ name: BLOCKED })).rejects.toMatchObject({ code: -33_403, data: { reason: 'blocked_tool' } });
  });

  // The client that is used elsewhere drops progress that comes in one piece with its answer.
  test('tells of its progress, each step ahead of the answer', async () => {
    const door = await openRawDoor(targetOf(slug));
    await greet(door);
    const params = { name: 'test_tool_with_progress', arguments: {}, _meta: { progressToken: 'mine' } };
    await door.post(JSON.stringify({ jsonrpc: '2.0', id: 'call', method: 'tools/call', params }));
    await door.answerTo('call');
    const steps = [0, 50, 100].map((progress) => ({ method: 'notifications/progress', params: { progressToken: 'mine', progress } }));
    expect(door.messages().slice(1)).toMatchObject([...steps, { id: 'call', result: {} }]);
  });
});

describe.each(['http', 'sse', 'stdio'])('a server over %s that keeps sessions apart', (slug) => {
  test('asks the client that called it', async () => {
    const [{ client }] = [await connectOldClient(targetOf(slug)), await connectOldClient(targetOf(slug))];
    const sampled = await client.callTool({ name: 'test_sampling', arguments: { prompt: 'say something' } });
    expect(JSON.stringify(sampled)).toContain('sampled here');
    const elicited = await client.callTool({ name: 'test_elicitation', arguments: { message: 'who are you?' } });
    expect(JSON.stringify(elicited)).toContain('ada');
  });

  test('is heard also while nothing is asked', async () => {
    const { client } = await connectOldClient(targetOf(slug));
    let changes = 0;
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void changes++);
    // The stream for what belongs to no call opens behind the handshake, and nobody is told when it has.
    await eventually(async () => {
      await client.callTool({ name: 'test_trigger_tool_change' });
      return changes > 0 ? true : undefined;
    }, 'a notification that belongs to no call');
  });
});

test('an answer that waits behind a stream which the server has ended is fetched for a client that does not know how', async () => {
  const { client } = await connectOldClient(targetOf('http'));
  expect(await client.callTool({ name: 'test_reconnection' })).toMatchObject({ content: [{ text: 'Reconnection test completed' }] });
});
