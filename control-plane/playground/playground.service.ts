/** Calls a tool in the name of a key, through a gateway node, for whoever tries out what agents will do. */
import { z } from 'zod';
import { CALL_PATH } from '../../shared/explanation.ts';
import type { Explanation } from '../../shared/explanation.ts';
import { audit } from '../audit/audit.ts';
import type { NodeAnswer, NodeClient } from '../explain/node-client.ts';
import { partiesOf, type ExplainService } from '../explain/explain.service.ts';
import { messageOf, messageSchema } from '../explain/supposed-message.ts';
import { parseInput } from '../graphql/input-refused.ts';
import type { AdminContext } from '../request-context.ts';
import { until } from './until.ts';
import type { UsageRecordsService } from '../usage/usage-records.service.ts';
import type { UsageRow } from '../usage/usage-row.ts';

export interface PlaygroundCall {
  readonly serverId: string;
  readonly tool: string;
  readonly arguments: Record<string, unknown>;
  readonly apiKeyId: string;
}

export interface PlaygroundAnswer {
  readonly requestId: string | null;
  /** The HTTP status of the answer. */
  readonly status: number;
  /** The JSON-RPC result; null where there is none. */
  readonly result: unknown;
  /** The JSON-RPC error; null where there is none. */
  readonly error: unknown;
  /** As it was a moment before the call. */
  readonly explanation: Explanation;
}

/** As long as the longest call that servers are allowed. */
const PATIENCE_MILLIS = 600_000;
const RECORD_PATIENCE_MILLIS = 3000;

const answerSchema = z.looseObject({ result: z.unknown().optional(), error: z.unknown().optional() });

export class PlaygroundService {
  readonly #nodes: NodeClient;
  readonly #explain: ExplainService;
  readonly #records: UsageRecordsService;

  constructor(parts: { nodes: NodeClient; explain: ExplainService; records: UsageRecordsService }) {
    this.#nodes = parts.nodes;
    this.#explain = parts.explain;
    this.#records = parts.records;
  }

  /** Whoever calls is audited before the call is made: what it does cannot be taken back. */
  async call(context: AdminContext, call: PlaygroundCall): Promise<PlaygroundAnswer> {
    const message = messageOf(parseInput(messageSchema, { rpcMethod: 'tools/call', tool: call.tool, arguments: call.arguments }));
    const { apiKey, server } = await partiesOf(context, call);
    const document = { organisationId: context.caller.organisationId, apiKeyId: apiKey.id, server: server.id, message };
    const nodes = await this.#explain.nodesOf(context);
    // Only a node that has the secret key can explain, and to that one the call goes.
    const supposed = { ...document, clientIp: null, clientName: null, userAgent: null, atMillis: null, inputBytes: null };
    const explanation = await this.#explain.explainAt(nodes, supposed);
    const node = nodes.filter(({ name }) => name === explanation.node);
    await context.em.transactional(async (em) => {
      const after = { apiKeyId: apiKey.id, apiKeyPrefix: apiKey.prefix, tool: call.tool };
      audit(em, context, { action: 'callTool', targetId: server.id, targetLabel: server.slug, before: null, after });
    });
    return { ...readAnswer(await this.#nodes.ask(node, { path: CALL_PATH, document, patienceMillis: PATIENCE_MILLIS })), explanation };
  }

  /** The record of a call that has just ended, which takes a moment to be written; null when it takes longer, or may not be read. */
  async recordOf(context: AdminContext, requestId: string | null): Promise<UsageRow | null> {
    if (requestId === null || !context.caller.permissions.has('USAGE_READ')) return null;
    return until(() => this.#records.find(context, { requestId }), RECORD_PATIENCE_MILLIS);
  }
}

function readAnswer({ status, headers, body }: NodeAnswer): Omit<PlaygroundAnswer, 'explanation'> {
  const requestId = headers['turnpike-request-id'];
  const { result = null, error = null } = readBody(body);
  return { requestId: typeof requestId === 'string' ? requestId : null, status, result, error };
}

/** A server may answer with anything. */
function readBody(body: string): z.infer<typeof answerSchema> {
  try {
    return answerSchema.parse(JSON.parse(body));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return { error: { message: 'the answer is no JSON-RPC message' } };
    throw error;
  }
}
