/** Has a gateway node say what would become of a call, and why. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { EXPLAIN_PATH, explanationSchema, type Explanation } from '../../shared/explanation.ts';
import { ApiKeyEntity, type ApiKey } from '../api-keys/api-key.entity.ts';
import type { DataPlane } from '../data-planes/data-plane.entity.ts';
import type { DataPlanesService } from '../data-planes/data-planes.service.ts';
import { notFound, parseInput } from '../graphql/input-refused.ts';
import { McpServerEntity, type McpServer } from '../mcp-servers/mcp-server.entity.ts';
import type { AdminContext } from '../request-context.ts';
import { unreachable, type NodeClient } from './node-client.ts';
import { messageOf, messageSchema } from './supposed-message.ts';

/** Where calls are supposed to come from when nobody says where. */
const SUPPOSED_ADDRESS = '127.0.0.1';
const PATIENCE_MILLIS = 10_000;
const INPUT_BYTES_MAX = 1024 ** 3;

const inputSchema = z.object({
  ...messageSchema.shape,
  clientIp: z
    .string()
    .refine((text) => isIP(text) !== 0, 'must be an address')
    .nullable(),
  clientName: z.string().min(1).max(64).nullable(),
  userAgent: z
    .string()
    .regex(/^[\x20-\x7e]{1,512}$/, 'must be printable ASCII, at most 512 characters')
    .nullable(),
  at: z.date().nullable(),
  inputBytes: z.int().nonnegative().max(INPUT_BYTES_MAX).nullable(),
});
export type ExplainedCall = z.infer<typeof inputSchema>;

export interface Parties {
  readonly apiKey: ApiKey;
  readonly server: McpServer;
}

export class ExplainService {
  readonly #nodes: NodeClient;
  readonly #dataPlanes: DataPlanesService;

  constructor(parts: { nodes: NodeClient; dataPlanes: DataPlanesService }) {
    this.#nodes = parts.nodes;
    this.#dataPlanes = parts.dataPlanes;
  }

  async explain(context: AdminContext, ids: { apiKeyId: string; serverId: string }, given: ExplainedCall): Promise<Explanation> {
    const call = parseInput(inputSchema, given);
    const { apiKey, server } = await partiesOf(context, ids);
    const { organisationId } = context.caller;
    return this.explainAt(await this.nodesOf(context), {
      organisationId,
      apiKeyId: apiKey.id,
      server: server.id,
      message: messageOf(call),
      clientIp: call.clientIp ?? SUPPOSED_ADDRESS,
      clientName: call.clientName,
      userAgent: call.userAgent,
      atMillis: call.at?.getTime() ?? null,
      inputBytes: call.inputBytes,
    });
  }

  /** By the first of the nodes that is reached. */
  async explainAt(nodes: readonly DataPlane[], document: unknown): Promise<Explanation> {
    const answer = await this.#nodes.ask(nodes, { path: EXPLAIN_PATH, document, patienceMillis: PATIENCE_MILLIS });
    if (answer.status !== 200 || !this.#nodes.isProved(answer)) throw unreachable(`what answered in the name of a gateway node (${answer.status}) is none`);
    return explanationSchema.parse(JSON.parse(answer.body));
  }

  /** Those that serve the organisation, the ones first that take requests and know the newest configuration. */
  async nodesOf({ em, caller }: AdminContext): Promise<DataPlane[]> {
    const nodes = await this.#dataPlanes.list(em, caller.organisationId);
    const rank = (node: DataPlane) => (this.#dataPlanes.isReady(node) ? 0 : 1);
    return nodes.toSorted((one, other) => rank(one) - rank(other) || Number(BigInt(other.configVersion) - BigInt(one.configVersion)));
  }
}

/** What another organisation has is not found. */
export async function partiesOf({ em }: AdminContext, { apiKeyId, serverId }: { apiKeyId: string; serverId: string }): Promise<Parties> {
  const apiKey = await em.findOne(ApiKeyEntity, { id: apiKeyId });
  if (apiKey === null) throw notFound('apiKeyId', 'API key');
  const server = await em.findOne(McpServerEntity, { id: serverId });
  if (server === null) throw notFound('serverId', 'server');
  return { apiKey, server };
}
