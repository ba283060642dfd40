/** The official client of revision 2026-07-28 with servers that know only revisions with sessions, over each transport: as if they knew its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startConformanceFixture, type ConformanceFixture } from '../support/conformance/fixture.ts';
import { prepareFixtureLaunch } from '../support/conformance/launch.ts';
import { connectModern, type Target } from '../support/modern-client.ts';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';
import { eventually } from '../support/processes.ts';

const BLOCKED = 'test_error_handling';
const SERVERS = ['http', 'sse', 'stdio-session', 'stdio-shared'] as const;
type Server = (typeof SERVERS)[number];
/** Those with a way back to the client that calls. */
const ASKING = ['http', 'sse', 'stdio-session'] as const satisfies readonly Server[];

let directory: string;
let planes: TestPlanes;
let fixture: ConformanceFixture;
let targets: Readonly<Record<Server, Target>>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'turnpike-bridge-'));
  const launch = await prepareFixtureLaunch(directory);
  [planes, fixture] = await Promise.all([startTestPlanes(launch.environment), startConformanceFixture()]);
  const rules = { blockedTools: [BLOCKED] };
  targets = {
    http: await planes.governed({ slug: 'http', endpointUrl: fixture.legacyUrl, ...rules }),
    sse: await planes.governed({ slug: 'sse', transport: 'SSE', endpointUrl: fixture.sseUrl, ...rules }),
    'stdio-session': await planes.governed({ slug: 'stdio-session', ...launch.server, ...rules }),
    'stdio-shared': await planes.governed({ slug: 'stdio-shared', ...launch.server, stdioIsolation: 'SHARED', ...rules }),
  };
}, 120_000);

afterAll(async () => {
  await planes?.close();
  await Promise.all([fixture?.close(), rm(directory, { recursive: true, force: true })]);
});

describe.each(SERVERS)('a server over %s', (server) => {
  test('is discovered as what it said in its handshake', async () => {
    const client = await connectModern(targets[server]);
    expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28');
    expect(client.getServerVersion()).toMatchObject({ name: 'turnpike-conformance-fixture' });
    expect(client.getServerCapabilities()).toMatchObject({ tools: { listChanged: true }, resources: { subscribe: true }, logging: {}, completions: {} });
  });

  test('is found by a client that speaks both eras', async () => {
    const client = new Client({ name: 'dual', version: '1' }, { versionNegotiation: { mode: 'auto' } });
    const { url, apiKey } = targets[server];
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { authorization: `Bearer ${apiKey}` } } }));
    onTestFinished(() => client.close());
    expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28');
  });

  test('lists and calls tools as its rules let it', async () => {
    const client = await connectModern(targets[server]);
    const names = (await client.listTools()).tools.map(({ name }) => name);
    expect(names).toContain('test_simple_text');
    expect(names).not.toContain(BLOCKED);
    expect((await client.callTool({ name: 'test_simple_text' })).content).toEqual([{ type: 'text', text: 'This is a simple text response for testing.' }]);
    await expect(client.callTool({ name: BLOCKED })).rejects.toThrow('is blocked on');
  });

  test('tells of progress', async () => {
    const client = await connectModern(targets[server]);
    const progress: number[] = [];
    await client.callTool({ name: 'test_tool_with_progress' }, { onprogress: (step) => void progress.push(step.progress) });
    expect(progress).toEqual([0, 50, 100]);
  });

  test('gives its prompts, resources and completions', async () => {
    const client = await connectModern(targets[server]);
    expect((await client.listPrompts()).prompts.length).toBeGreaterThan(0);
    expect((await client.getPrompt({ name: 'test_simple_prompt' })).messages).toHaveLength(1);
    expect((await client.listResources()).resources.length).toBeGreaterThan(0);
    expect((await client.listResourceTemplates()).resourceTemplates.length).toBeGreaterThan(0);
    expect((await client.readResource({ uri: 'test://static-text' })).contents).toHaveLength(1);
    await expect(client.readResource({ uri: 'test://nowhere' })).rejects.toMatchObject({ code: -32_602 });
    const asked = { ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' }, argument: { name: 'arg1', value: 'par' } } as const;
    expect((await client.complete(asked)).completion.values).toEqual(['paris', 'park', 'party']);
  });
});

describe.each(ASKING)('a server over %s that asks', (server) => {
  test('for input of the user gets it in a further round of the call', async () => {
    const client = await connectModern(targets[server], { elicitation: { form: {} } }, (preparing) => {
      preparing.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { username: 'ann', email: 'ann@example.org' } }));
    });
    const answer = await client.callTool({ name: 'test_elicitation', arguments: { message: 'who?' } });
    expect(answer.content).toEqual([{ type: 'text', text: 'User response: action: accept, content: {"username":"ann","email":"ann@example.org"}' }]);
  });

  test('for a sample gets it', async () => {
    const client = await connectModern(targets[server], { sampling: {} }, (preparing) => {
      preparing.setRequestHandler('sampling/createMessage', () => ({ model: 'test', role: 'assistant', content: { type: 'text', text: 'sampled here' } }));
    });
    const answer = await client.callTool({ name: 'test_sampling', arguments: { prompt: 'say something' } });
    expect(answer.content).toEqual([{ type: 'text', text: 'LLM response: sampled here' }]);
  });

  test('for what the client cannot do is told so', async () => {
    const client = await connectModern(targets[server]);
    await expect(client.callTool({ name: 'test_sampling', arguments: { prompt: 'say something' } })).rejects.toThrow('lacks the capability sampling');
  });

  test('tells whoever listens of what has changed', async () => {
    const client = await connectModern(targets[server]);
    const heard: string[] = [];
    client.setNotificationHandler('notifications/tools/list_changed', () => void heard.push('tools'));
    client.setNotificationHandler('notifications/prompts/list_changed', () => void heard.push('prompts'));
    const subscription = await client.listen({ toolsListChanged: true, resourceSubscriptions: ['test://watched-resource'] });
    await client.callTool({ name: 'test_trigger_prompt_change' });
    await client.callTool({ name: 'test_trigger_tool_change' });
    await eventually(() => (heard.includes('tools') ? true : undefined), 'the change of the tools');
    expect(heard).toEqual(['tools']);
    await subscription.close();
  });
});
