/** Speaks GraphQL to a control plane as an administrator does, and fails on any error that a test did not ask for. */
import { z } from 'zod';

const answerSchema = z.object({ data: z.record(z.string(), z.unknown()).nullish(), errors: z.array(z.object({ message: z.string() })).optional() });
const userErrorsSchema = z.object({ userErrors: z.array(z.object({ message: z.string(), code: z.string() })) });

export class AdminClient {
  readonly #url: string;
  readonly #token: string;

  constructor(graphqlUrl: string, token: string) {
    this.#url = graphqlUrl;
    this.#token = token;
  }

  /** The answer's data; throws on top-level errors. */
  async query(query: string, variables: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#token}` },
      body: JSON.stringify({ query, variables }),
    });
    const answer = answerSchema.parse(await response.json());
    if (answer.errors !== undefined) throw new Error(`GraphQL: ${answer.errors.map(({ message }) => message).join('; ')}`);
    return answer.data ?? {};
  }

  /** Runs one mutation with one input and throws on user errors; answers its payload. */
  async mutate(name: string, inputType: string, input: Record<string, unknown>, selection: string): Promise<Record<string, unknown>> {
    const data = await this.query(`mutation($input: ${inputType}!) { ${name}(input: $input) { ${selection} userErrors { message code } } }`, { input });
    const payload = z.record(z.string(), z.unknown()).parse(data[name]);
    const { userErrors } = userErrorsSchema.parse(payload);
    if (userErrors.length > 0) throw new Error(`${name}: ${userErrors.map(({ code, message }) => `${code} ${message}`).join('; ')}`);
    return payload;
  }

  async createServer(input: Record<string, unknown>): Promise<{ id: string; slug: string }> {
    const payload = await this.mutate('createServer', 'CreateServerInput', { enabled: true, ...input }, 'server { id slug }');
    return z.object({ id: z.string(), slug: z.string() }).parse(payload['server']);
  }

  async createApiKey(input: Record<string, unknown> = {}): Promise<{ id: string; prefix: string; secret: string }> {
    const payload = await this.mutate('createApiKey', 'CreateApiKeyInput', { name: 'agent', type: 'ORGANISATION', ...input }, 'apiKey { id prefix } secret');
    const apiKey = z.object({ id: z.string(), prefix: z.string() }).parse(payload['apiKey']);
    return { ...apiKey, secret: z.string().parse(payload['secret']) };
  }

  async grant(apiKeyId: string, serverId: string): Promise<string> {
    const payload = await this.mutate('setGrants', 'SetGrantsInput', { add: [{ apiKeyId, serverId }] }, 'grants { id }');
    const [grant] = z.array(z.object({ id: z.string() })).parse(payload['grants']);
    if (grant === undefined) throw new Error('no grant was made');
    return grant.id;
  }
}
