/** One client for each revision of the protocol, by the official libraries, so that one conversation can be had in all of them. */
import { Client as ModernSdkClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import type { Target } from './modern-client.ts';

export const REVISIONS = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'] as const;
export type Revision = (typeof REVISIONS)[number];

/** What a conversation needs of a client, whatever its library. */
export interface EveryClient {
  toolNames(): Promise<string[]>;
  /** The text of the answer; rejects with what the library makes of an error. */
  call(name: string, args: Readonly<Record<string, unknown>>): Promise<string>;
  /** Calls a tool, and counts how often it tells of its progress. */
  stepsOf(name: string): Promise<number>;
}

const SAMPLE = { model: 'test', role: 'assistant', content: { type: 'text', text: 'sampled here' } } as const;
const FORM = { action: 'accept', content: { name: 'Ada' } } as const;
const CAPABILITIES = { sampling: {}, elicitation: { form: {} } };
const contentSchema = z.object({ content: z.array(z.object({ text: z.string() })) });

/** Connected, able to sample and to be asked, and closed with the test. The oldest revision speaks HTTP+SSE, the others Streamable HTTP. */
export function connectBy(revision: Revision, target: Target): Promise<EveryClient> {
  return revision === '2026-07-28' ? connectModern(target) : connectWithSession(revision, target);
}

async function connectModern({ url, apiKey }: Target): Promise<EveryClient> {
  const client = new ModernSdkClient(
    { name: 'every-client', version: '1' },
    { capabilities: CAPABILITIES, versionNegotiation: { mode: { pin: '2026-07-28' } } },
  );
  client.setRequestHandler('sampling/createMessage', () => SAMPLE);
  client.setRequestHandler('elicitation/create', () => FORM);
  await client.connect(new ModernTransport(new URL(url), { requestInit: { headers: { authorization: `Bearer ${apiKey}` } } }));
  onTestFinished(() => client.close());
  return {
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args) => textOf(await client.callTool({ name, arguments: { ...args } })),
    stepsOf: async (name) => {
      let steps = 0;
      await client.callTool({ name }, { onprogress: () => void steps++ });
      return steps;
    },
  };
}

async function connectWithSession(revision: Revision, { url, apiKey }: Target): Promise<EveryClient> {
  const client = new Client({ name: 'every-client', version: '1' }, { capabilities: CAPABILITIES });
  client.setRequestHandler(CreateMessageRequestSchema, () => SAMPLE);
  client.setRequestHandler(ElicitRequestSchema, () => FORM);
  const headers = { authorization: `Bearer ${apiKey}` };
  // The library offers the newest revision that it knows, whichever the test is about.
  const offering: typeof fetch = (input, init) =>
    fetch(
      input,
      typeof init?.body === 'string' ? { ...init, body: init.body.replace('"protocolVersion":"2025-11-25"', `"protocolVersion":"${revision}"`) } : init,
    );
  const options = { requestInit: { headers }, fetch: offering };
  const eventSourceInit = {
    fetch: (input: string | URL, init?: RequestInit) => fetch(input, { ...init, headers: { accept: 'text/event-stream', ...headers } }),
  };
  const isOldest = revision === '2024-11-05';
  const transport = isOldest ? new SSEClientTransport(new URL(url), { ...options, eventSourceInit }) : new StreamableHTTPClientTransport(new URL(url), options);
  let steps = 0;
  // The library itself drops progress that it reads together with the answer.
  const onmessage: typeof transport.onmessage = (message) => void (steps += Number('method' in message && message.method === 'notifications/progress'));
  Object.assign(transport, { onmessage });
  await client.connect(transport);
  onTestFinished(() => client.close());
  return {
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args) => textOf(await client.callTool({ name, arguments: { ...args } })),
    stepsOf: async (name) => {
      const before = steps;
      await client.callTool({ name }, undefined, { onprogress: () => undefined });
      return steps - before;
    },
  };
}

function textOf(result: unknown): string {
  return contentSchema
    .parse(result)
    .content.map(({ text }) => text)
    .join('\n');
}
