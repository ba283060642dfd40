/** `demo.env`: where the demo's gateway and API are and the key for it, in a form that a shell reads. */
import { hasValidChecksum, readToken } from '../../shared/token.ts';
import { readSecret, writeSecret } from '../secret-files.ts';

export interface DemoEnv {
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly graphqlUrl: string;
}

/** The key of the last start; undefined when there is none, or when it was damaged. */
export async function readDemoKey(file: string): Promise<string | undefined> {
  const text = (await readSecret(file)) ?? '';
  const key = /^TURNPIKE_API_KEY=(.*)$/m.exec(text)?.[1]?.trim() ?? '';
  return readToken(key).kind === 'apiKey' && hasValidChecksum(key) ? key : undefined;
}

export async function writeDemoEnv(file: string, { gatewayUrl, apiKey, graphqlUrl }: DemoEnv): Promise<void> {
  const lines = [`TURNPIKE_GATEWAY_URL=${gatewayUrl}`, `TURNPIKE_API_KEY=${apiKey}`, `TURNPIKE_GRAPHQL_URL=${graphqlUrl}`];
  await writeSecret(file, lines.join('\n'));
}
