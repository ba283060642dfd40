/** A small client of the public GraphQL API, with the administrator's token. */
import { z } from 'zod';
import type { LocatedSecret } from '../secret-files.ts';

const errorSchema = z.object({ message: z.string(), extensions: z.object({ code: z.string().optional() }).optional() });
const answerSchema = z.object({ data: z.record(z.string(), z.unknown()).nullish(), errors: z.array(errorSchema).optional() });
const payloadSchema = z.looseObject({ userErrors: z.array(z.object({ message: z.string() })) });

export class AdminApi {
  readonly #url: string;
  readonly #token: LocatedSecret;

  constructor(graphqlUrl: string, token: LocatedSecret) {
    this.#url = graphqlUrl;
    this.#token = token;
  }

  /** The data of the answer. Throws the API's sentence when there is an error. */
  async query(query: string, variables: Readonly<Record<string, unknown>> = {}): Promise<Record<string, unknown>> {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#token.text}` },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = answerSchema.parse(await response.json());
    const stranger = errors?.find(({ extensions }) => extensions?.code === 'UNAUTHENTICATED');
    if (stranger !== undefined)
      throw new Error(`the administrator’s token in ${this.#token.place} is refused (${stranger.message}): restore it, or remove it to start without a demo`);
    if (errors !== undefined) throw new Error(`the control plane refused the demo: ${errors.map(({ message }) => message).join('; ')}`);
    return data ?? {};
  }

  /** The payload of one mutation. Throws the API's sentences when it refuses the input. */
  async mutate(name: string, inputType: string, input: Readonly<Record<string, unknown>>, selection: string): Promise<Record<string, unknown>> {
    const data = await this.query(`mutation($input: ${inputType}!) { ${name}(input: $input) { ${selection} userErrors { message } } }`, { input });
    const payload = payloadSchema.parse(data[name]);
    if (payload.userErrors.length > 0) throw new Error(`the control plane refused the demo: ${payload.userErrors.map(({ message }) => message).join('; ')}`);
    return payload;
  }
}
