/** Calls the gateway as an agent with nothing but HTTP does, for tests that look at the wire. */
import { z } from 'zod';

const errorSchema = z.object({
  jsonrpc: z.literal('2.0'),
  id: z.union([z.string(), z.number(), z.null()]),
  error: z.object({
    code: z.number(),
    message: z.string(),
    data: z.looseObject({ code: z.string(), reason: z.string(), status: z.number(), requestId: z.string() }),
  }),
});

export interface WireAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface WireCall {
  readonly method?: string;
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export class GatewayClient {
  readonly #url: string;

  constructor(gatewayUrl: string) {
    this.#url = gatewayUrl;
  }

  async send(slug: string, call: WireCall): Promise<WireAnswer> {
    const method = call.method ?? 'POST';
    const headers: Record<string, string> = { 'content-type': 'application/json', ...call.headers };
    if (call.key !== undefined) headers['authorization'] = `Bearer ${call.key}`;
    const response = await fetch(`${this.#url}/v1/mcp/${slug}`, {
      method,
      headers,
      ...(method === 'POST' ? { body: call.body ?? toolCall('echo', { message: 'hi' }) } : {}),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }
}

export function toolCall(tool: string, args: Record<string, unknown> = {}, id: string | number = 1): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: tool, arguments: args } });
}

export function listTools(id: string | number = 1): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/list', params: {} });
}

/** The JSON-RPC error of a refusal; fails when the answer is anything else. */
export function refusalOf(answer: WireAnswer): z.infer<typeof errorSchema>['error'] & { id: string | number | null } {
  const { id, error } = errorSchema.parse(JSON.parse(answer.text));
  return { ...error, id };
}
