/** `demo.env`: where the demo's gateway and API are and the key for it, in a form that a shell reads. */
import { readSecret, writeSecret } from '../secret-files.ts';

export interface DemoEnv {
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly graphqlUrl: string;
}

/** The key of the last start; undefined when there is none. */
export async function readDemoKey(file: string): Promise<string | undefined> {
  const text = (await readSecret(file)) ?? '';
  return /^TURNPIKE_API_KEY=(vk_\w+)$/m.exec(text)?.[1];
}

export async function writeDemoEnv(file: string, { gatewayUrl, apiKey, graphqlUrl }: DemoEnv): Promise<void> {
  const lines = [`TURNPIKE_GATEWAY_URL=${gatewayUrl}`, `TURNPIKE_API_KEY=${apiKey}`, `TURNPIKE_GRAPHQL_URL=${graphqlUrl}`];
  await writeSecret(file, lines.join('\n'));
}
