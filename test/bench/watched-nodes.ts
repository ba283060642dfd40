/** Calls each of several data planes again and again, until all of them show that a change is in force. */
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'undici';
import { toolCall } from '../support/gateway-client.ts';

/** What a call shows once a change is in force: the reason of a refusal, or `answered`. */
export interface Sighting {
  readonly slug: string;
  readonly secret: string;
  readonly shows: string;
}

export const PROBE_TOOL = 'look';
/** Its words and its site are what filters and policies of the changes look for. */
const CALL = toolCall(PROBE_TOOL, { message: 'probe', query: 'site:example.com cats' });
/** Often enough to see a change soon, and seldom enough not to be what the machine is busy with. */
const BETWEEN_CALLS_MILLIS = 5;
const DEADLINE_MILLIS = 30_000;
const REASON = /"reason":"([a-z_]+)"/;

let addresses = 0;

/** Milliseconds until each node, in the order of the URLs, has answered a call as it should. */
export function untilAllShow(urls: readonly string[], sighting: Sighting, sinceMillis: number): Promise<number[]> {
  // A node turns away an address that presents unknown keys again and again, as a new key is until the node has heard of it.
  const localAddress = `127.1.${(addresses >> 8) & 255}.${addresses++ & 255}`;
  return Promise.all(urls.map((url) => untilShown(url, localAddress, sighting, sinceMillis)));
}

async function untilShown(url: string, localAddress: string, { slug, secret, shows }: Sighting, sinceMillis: number): Promise<number> {
  const client = new Client(url, { localAddress });
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${secret}` };
  let last = 'nothing';
  try {
    while (performance.now() - sinceMillis < DEADLINE_MILLIS) {
      const { statusCode, body } = await client.request({ method: 'POST', path: `/v1/mcp/${slug}`, headers, body: CALL });
      const text = await body.text();
      last = statusCode === 200 && !text.includes('"error"') ? 'answered' : (REASON.exec(text)?.[1] ?? text);
      if (last === shows) return performance.now() - sinceMillis;
      await pause(BETWEEN_CALLS_MILLIS);
    }
  } finally {
    await client.close();
  }
  throw new Error(`${url} was to show '${shows}' at ${slug}, and showed '${last}' to the end`);
}
