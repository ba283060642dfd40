/** Both planes with what explanations are compared with: the call itself, made by an agent that knows nothing of them. */
import { z } from 'zod';
import { MESSAGE_ID } from '../../control-plane/explain/supposed-message.ts';
import { eventually } from './processes.ts';
import { startMcpUpstream, type McpUpstream } from './mcp-upstream.ts';
import { startTestPlanes, type TestPlanes } from './planes.ts';

const ruleSchema = z.object({ kind: z.string(), id: z.string().nullable(), path: z.string() }).nullable();
const stepSchema = z.object({
  order: z.number(),
  name: z.string(),
  outcome: z.string(),
  reason: z.string().nullable(),
  detail: z.string().nullable(),
  rule: ruleSchema,
});
const limitSchema = z.object({
  kind: z.string(),
  metric: z.string(),
  limit: z.string(),
  used: z.string(),
  reserved: z.string(),
  remaining: z.string(),
  asked: z.string(),
});
export const explanationSchema = z.object({
  allowed: z.boolean(),
  httpStatus: z.number(),
  denial: z.object({ code: z.string(), reason: z.string(), message: z.string(), rule: ruleSchema }).nullable(),
  trace: z.object({ steps: z.array(stepSchema) }),
  estimatedCost: z.object({ nanosUsd: z.string() }).nullable(),
  limits: z.array(limitSchema),
  responsePreview: z.object({ status: z.number(), headers: z.array(z.object({ name: z.string(), value: z.string() })), body: z.string() }).nullable(),
  dataPlane: z.string(),
  configVersion: z.string(),
});
export type ToldExplanation = z.infer<typeof explanationSchema>;

const RULE = 'rule { kind id path }';
export const EXPLANATION = `allowed httpStatus denial { code reason message ${RULE} } trace { steps { order name outcome reason detail ${RULE} } } estimatedCost { nanosUsd }
  limits { kind metric limit used reserved remaining asked } responsePreview { status headers { name value } body } dataPlane configVersion`;
const QUERY = `query($input: ExplainAccessInput!) { explainAccess(input: $input) { explanation { ${EXPLANATION} } userErrors { field code message } } }`;
const answerSchema = z.object({
  explainAccess: z.object({
    explanation: explanationSchema.nullable(),
    userErrors: z.array(z.object({ field: z.array(z.string()).nullable(), code: z.string(), message: z.string() })),
  }),
});
export type ExplainAnswer = z.infer<typeof answerSchema>['explainAccess'];

const recordSchema = z.object({ trace: explanationSchema.shape.trace.nullable() });

export interface Party {
  readonly apiKeyId: string;
  readonly secret: string;
  readonly serverId: string;
  readonly slug: string;
  readonly grantId: string;
}

export interface ExplainingPlanes {
  readonly planes: TestPlanes;
  readonly upstream: McpUpstream;
  /** A server on the upstream, a key, and a grant between them, in force. */
  party(server?: Record<string, unknown>, key?: Record<string, unknown>): Promise<Party>;
  /** One for which something was changed, in force. */
  partyAfter(name: string, type: string, inputOf: (party: Party) => Record<string, unknown>): Promise<Party>;
  /** One with a policy of its key, in force. */
  partyWithPolicy(policies: unknown): Promise<Party>;
  /** One with a quota of its key for each day, in force. */
  partyWithQuota(amount: string, metric: string): Promise<Party>;
  /** A mutation of whoever administers. */
  change(name: string, type: string, input: Record<string, unknown>): Promise<unknown>;
  settled(): Promise<void>;
  ask(input: Record<string, unknown>, token?: string): Promise<ExplainAnswer>;
  explain(party: Party, input?: Record<string, unknown>): Promise<ToldExplanation>;
  /** The same call, made over the wire as an MCP client makes it. */
  call(party: Party, input?: { tool?: string; arguments?: Record<string, unknown>; rpcMethod?: string; inputBytes?: number }): Promise<MadeCall>;
  /** The trace of its record, once that is written; null when nothing was against it. */
  traceOf(requestId: string): Promise<ToldExplanation['trace'] | null>;
  close(): Promise<void>;
}

export interface MadeCall {
  readonly status: number;
  readonly denial: string | null;
  readonly requestId: string;
  readonly text: string;
}

const DAILY = { period: 'DAILY', timezone: 'UTC' };
let counter = 0;

export async function startExplainingPlanes(environment: Readonly<Record<string, string>> = {}): Promise<ExplainingPlanes> {
  const [planes, upstream] = await Promise.all([startTestPlanes(environment), startMcpUpstream()]);
  const { admin } = planes.control;
  const settled = async () => {
    await eventually(async () => {
      const { dataPlanes } = await admin.query('{ dataPlanes { configLag } }');
      const lags = z.array(z.object({ configLag: z.string() })).parse(dataPlanes);
      return lags.length > 0 && lags.every(({ configLag }) => configLag === '0') ? true : undefined;
    }, 'the last change being in force');
  };
  const ask: ExplainingPlanes['ask'] = async (input, token = planes.control.token) => {
    const answer = await planes.control.ask(QUERY, { input }, token);
    if (answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
    return answerSchema.parse(answer.data).explainAccess;
  };
  const change: ExplainingPlanes['change'] = (name, type, input) => admin.mutate(name, type, input, '__typename');
  const party: ExplainingPlanes['party'] = async (server = {}, key = {}) => {
    const slug = `explained-${++counter}`;
    const { id: serverId } = await admin.createServer({ name: slug, slug, transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url, ...server });
    const { id: apiKeyId, secret } = await admin.createApiKey(key);
    const grantId = await admin.grant(apiKeyId, serverId);
    await settled();
    return { apiKeyId, secret, serverId, slug, grantId };
  };
  const partyAfter: ExplainingPlanes['partyAfter'] = async (name, type, inputOf) => {
    const made = await party();
    await change(name, type, inputOf(made));
    await settled();
    return made;
  };
  return {
    planes,
    upstream,
    settled,
    ask,
    change,
    party,
    partyAfter,
    partyWithPolicy: (policies) =>
      partyAfter('setPolicy', 'SetPolicyInput', ({ apiKeyId: ownerId }) => ({ scope: 'API_KEY', ownerId, policies, mayDenyAll: true })),
    partyWithQuota: (limit, metric) =>
      partyAfter('createQuota', 'QuotaInput', ({ apiKeyId: ownerId }) => ({ name: 'q', ownerType: 'API_KEY', ownerId, metric, limit, schedule: DAILY })),
    explain: async ({ apiKeyId, serverId }, input = {}) => {
      const { explanation, userErrors } = await ask({ apiKeyId, serverId, tool: 'echo', arguments: { message: 'hi' }, ...input });
      if (explanation === null) throw new Error(JSON.stringify(userErrors));
      return explanation;
    },
    call: async ({ secret, serverId }, { tool = 'echo', arguments: given = { message: 'hi' }, rpcMethod = 'tools/call', inputBytes = 0 } = {}) => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: MESSAGE_ID, method: rpcMethod, params: { name: tool, arguments: given } }).padEnd(inputBytes);
      const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
      const answer = await fetch(`${planes.dataUrl}/v1/mcp/${serverId}`, { method: 'POST', headers, body });
      const told = { denial: answer.headers.get('turnpike-denial'), requestId: answer.headers.get('turnpike-request-id') ?? '' };
      return { status: answer.status, ...told, text: await answer.text() };
    },
    traceOf: (requestId) =>
      eventually(async () => {
        const { usageRecord } = await admin.query(
          `query($requestId: String!) { usageRecord(requestId: $requestId) { trace { steps { order name outcome reason detail ${RULE} } } } }`,
          { requestId },
        );
        return usageRecord === null ? undefined : recordSchema.parse(usageRecord).trace;
      }, `the record of ${requestId}`),
    close: async () => {
      await planes.close();
      await upstream.close();
    },
  };
}
