/** The welcome waits for a gateway that does what it promises, and tells a demo that was closed from one that is late. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { untilReady } from '../../bin/until-ready.ts';
import { answerHttp } from '../support/http-answers.ts';

const DEMO = { apiKey: 'vk_the_key', slug: 'demo' };

interface Script {
  /** The version that each further question is answered with; the last one stays. */
  readonly versions: readonly (number | string | null)[];
  readonly keys?: readonly { readonly valid: boolean; readonly servers?: readonly string[] }[];
}

/** A gateway that answers from a script; answers its URL and what it was asked. */
async function gateway({ versions, keys = [] }: Script): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const turn = { versions: 0, keys: 0 };
  const url = await answerHttp(({ method, path, headers }) => {
    asked.push(`${method} ${path} ${headers.authorization ?? ''}`.trim());
    if (path !== '/v1/healthz') return { body: keys[Math.min(turn.keys++, keys.length - 1)] };
    return { body: { config: { version: versions[Math.min(turn.versions++, versions.length - 1)] } } };
  });
  return { url, asked };
}

test('it waits for a configuration, and then for the key to open the demo', async () => {
  const { url, asked } = await gateway({
    versions: [null, null, 7, '8'],
    keys: [{ valid: false }, { valid: true, servers: ['other'] }, { valid: true, servers: ['demo', 'other'] }],
  });
  expect(await untilReady(url, DEMO)).toEqual({ version: '8', isDemoOpen: true });
  expect(asked.filter((line) => line.startsWith('POST'))).toEqual(Array.from({ length: 3 }, () => 'POST /v1/keys/validate Bearer vk_the_key'));
});

test('without a demo the configuration is all it waits for', async () => {
  const { url, asked } = await gateway({ versions: [null, 3] });
  expect(await untilReady(url, undefined)).toEqual({ version: '3', isDemoOpen: false });
  expect(asked).toEqual(['GET /v1/healthz', 'GET /v1/healthz']);
});

test('a demo that stays closed does not keep the gateway from being ready', async () => {
  const { url } = await gateway({ versions: [3], keys: [{ valid: true, servers: [] }] });
  hurry();
  expect(await untilReady(url, DEMO)).toEqual({ version: '3', isDemoOpen: false });
});

test('a configuration that does not come is one sentence that says where to look', async () => {
  const { url } = await gateway({ versions: [null] });
  hurry();
  await expect(untilReady(url, DEMO)).rejects.toThrow(/^the data plane did not get its configuration within 20 s; TURNPIKE_LOG_LEVEL=debug shows why$/);
});

/** Each look at the clock is a second later than the one before. */
function hurry(): void {
  let millis = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => (millis += 1000));
  onTestFinished(() => clock.mockRestore());
}
