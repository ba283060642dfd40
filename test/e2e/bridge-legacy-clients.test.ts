/** Clients of the revisions with sessions, as their SDKs are, on a server that knows only 2026-07-28. */
import { Client as NewClient, StreamableHTTPClientTransport as NewTransport } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startConformanceFixture, type ConformanceFixture } from '../support/conformance/fixture.ts';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';
import { eventually } from '../support/processes.ts';

let planes: TestPlanes;
let fixture: ConformanceFixture;
let target: { url: string; apiKey: string };

beforeAll(async () => {
  [planes, fixture] = await Promise.all([startTestPlanes(), startConformanceFixture({ era: 'modern' })]);
  target = await planes.governed({ slug: 'modern', endpointUrl: fixture.url, blockedTools: ['test_image_content'] });
}, 120_000);

afterAll(async () => {
  await planes?.close();
  await fixture?.close();
});

const CAPABILITIES = { elicitation: {}, sampling: {}, roots: { listChanged: true } };

async function connect(capabilities: ConstructorParameters<typeof Client>[1] = { capabilities: CAPABILITIES }): Promise<Client> {
  const client = new Client({ name: 'old-client', version: '1.0.0' }, capabilities);
  const transport = new StreamableHTTPClientTransport(new URL(target.url), { requestInit: { headers: { authorization: `Bearer ${target.apiKey}` } } });
  await client.connect(transport);
  onTestFinished(() => client.close());
  return client;
}

/** Answers whatever a server may ask, and keeps what was asked. */
function answering(client: Client): string[] {
  const asked: string[] = [];
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    asked.push(params.message);
    return { action: 'accept', content: { name: 'Ada', color: 'blue', username: 'ada', email: 'ada@example.org', ok: true } };
  });
  client.setRequestHandler(CreateMessageRequestSchema, () => {
    asked.push('sampling');
    return { role: 'assistant', model: 'a-model', content: { type: 'text', text: 'Paris' } };
  });
  client.setRequestHandler(ListRootsRequestSchema, () => {
    asked.push('roots');
    return { roots: [{ uri: 'file:///work', name: 'work' }] };
  });
  return asked;
}

describe('the first SDK', () => {
  test('is greeted with what the server says of itself', async () => {
    const client = await connect();
    expect(client.getServerVersion()).toMatchObject({ name: 'turnpike-conformance-fixture' });
    expect(client.getServerCapabilities()).toEqual({
      tools: { listChanged: true },
      prompts: { listChanged: true },
      resources: { subscribe: true, listChanged: true },
      logging: {},
      completions: {},
    });
    expect(await client.ping()).toEqual({});
  });

  test('lists, calls, reads, prompts and completes under the rules of the server', async () => {
    const client = await connect();
    const names = (await client.listTools()).tools.map(({ name }) => name);
    expect(names).toContain('test_simple_text');
    expect(names).not.toContain('test_image_content');
    expect((await client.callTool({ name: 'test_simple_text' })).content).toEqual([{ type: 'text', text: 'This is a simple text response for testing.' }]);
    await expect(client.callTool({ name: 'test_image_content' })).rejects.toMatchObject({ data: { reason: 'blocked_tool' } });
    expect((await client.readResource({ uri: 'test://static-text' })).contents).toHaveLength(1);
    expect((await client.getPrompt({ name: 'test_simple_prompt' })).messages).not.toHaveLength(0);
    const completed = await client.complete({ ref: { type: 'ref/prompt', name: 'any' }, argument: { name: 'city', value: 'par' } });
    expect(completed.completion.values).toEqual(['paris', 'park', 'party']);
  });

  test('hears of errors as its own revision has them', async () => {
    const client = await connect();
    await expect(client.readResource({ uri: 'test://nowhere' })).rejects.toMatchObject({ code: -32_602 });
    await expect(client.callTool({ name: 'test_missing_capability' })).resolves.toMatchObject({ content: [{ text: 'the client can sample' }] });
    const lacking = await connect({ capabilities: {} });
    await expect(lacking.callTool({ name: 'test_missing_capability' })).rejects.toMatchObject({ code: -32_021 });
  });

  test.each([
    ['test_input_required_result_elicitation', ['What is your name?'], 'Hello, "Ada"!'],
    ['test_input_required_result_sampling', ['sampling'], 'The model said: Paris'],
    ['test_input_required_result_list_roots', ['roots'], 'Roots: [{"uri":"file:///work","name":"work"}]'],
    ['test_input_required_result_request_state', ['Please confirm'], 'state-ok'],
    ['test_input_required_result_multi_round', ['Step 1: What is your name?', 'Step 2: What is your favourite colour?'], 'multi-round complete'],
    ['test_input_required_result_multiple_inputs', ['What is your name?', 'sampling', 'roots'], 'all inputs received'],
  ])('is asked by %s, and its answers come back to the call', async (name, questions, text) => {
    const client = await connect();
    const asked = answering(client);
    expect((await client.callTool({ name })).content).toEqual([{ type: 'text', text }]);
    expect(asked).toEqual(questions);
  });

  test('is told why it cannot be asked', async () => {
    const client = await connect({ capabilities: {} });
    const asking = client.callTool({ name: 'test_input_required_result_elicitation' });
    await expect(asking).rejects.toMatchObject({ data: { code: 'not_bridgeable', reason: 'unanswerable_question' } });
  });

  test('may turn from a call while it is being asked', async () => {
    const client = await connect();
    const leaving = new AbortController();
    client.setRequestHandler(ElicitRequestSchema, () => {
      leaving.abort();
      return { action: 'decline' };
    });
    await expect(client.callTool({ name: 'test_input_required_result_elicitation' }, undefined, { signal: leaving.signal })).rejects.toThrow();
    expect((await client.callTool({ name: 'test_simple_text' })).content).toHaveLength(1);
  });

  test('gets progress, and the log from the level on that it has set', async () => {
    const client = await connect();
    const [progress, log]: [number[], unknown[]] = [[], []];
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void log.push(params.data));
    await client.callTool({ name: 'test_tool_with_progress' }, undefined, { onprogress: (step) => progress.push(step.progress) });
    expect(progress).toEqual([0, 50, 100]);
    await client.callTool({ name: 'test_logging_tool' });
    expect(log).toEqual([]);
    await client.setLoggingLevel('info');
    await client.callTool({ name: 'test_logging_tool' });
    expect(log).toEqual(['diagnostic']);
  });

  test('gets into the headers what a tool wants to see there', async () => {
    const client = await connect();
    for (const region of ['eu-west', 'Österreich']) {
      const { content } = await client.callTool({ name: 'test_x_mcp_header', arguments: { region, count: 3 } });
      expect(content).toEqual([{ type: 'text', text: `region=${region}` }]);
    }
  });

  test('hears over its stream that a list has changed', async () => {
    const client = await connect();
    let changes = 0;
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void changes++);
    await client.subscribeResource({ uri: 'test://watched-resource' });
    // The stream is opened beside the first requests: which is first, nobody knows.
    await eventually(async () => {
      await client.callTool({ name: 'test_trigger_tool_change' });
      return changes > 0 ? true : undefined;
    }, 'the announcement');
    await client.unsubscribeResource({ uri: 'test://watched-resource' });
  });
});

test('the second SDK speaks as the first did when it does not look for more', async () => {
  const client = new NewClient({ name: 'new-client', version: '2.0.0' }, { capabilities: CAPABILITIES });
  client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { name: 'Grace' } }));
  await client.connect(new NewTransport(new URL(target.url), { requestInit: { headers: { authorization: `Bearer ${target.apiKey}` } } }));
  onTestFinished(() => client.close());
  expect(client.getNegotiatedProtocolVersion()).toBe('2025-11-25');
  expect((await client.callTool({ name: 'test_input_required_result_elicitation' })).content).toEqual([{ type: 'text', text: 'Hello, "Grace"!' }]);
});
