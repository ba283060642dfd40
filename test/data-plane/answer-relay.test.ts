/** The relay between a transport and a caller, where the caller leaves at a bad moment. */
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { AnswerRelay } from '../../data-plane/answer-relay.ts';
import type { Outcome } from '../../data-plane/evidence.ts';
import { Exchange } from '../../data-plane/exchange.ts';
import { SessionIds } from '../../data-plane/mcp/session-ids.ts';
import { OpenStreams } from '../../data-plane/open-streams.ts';
import { GuessLimiter } from '../../data-plane/policies/guess-limiter.ts';
import { planOf } from '../../data-plane/policies/governance-plan.ts';
import { Trail } from '../../data-plane/trail.ts';
import { ConfigStore } from '../../data-plane/config/store.ts';
import { systemClock } from '../../shared/clock.ts';
import { TokenHasher } from '../../shared/token.ts';
import { stateOf, testSecretKey } from '../support/config-frames.ts';
import { accessGrant, apiKey, mcpServer, organisation, snapshotOf } from '../support/domain.ts';
import { freePort } from '../support/processes.ts';

const hasher = new TokenHasher(testSecretKey.derive('token-hash'));

/** A GET that the caller has given up before anything could be answered. */
async function abandonedGet(): Promise<{ request: IncomingMessage; response: ServerResponse }> {
  const server = createServer();
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const arrived = new Promise<{ request: IncomingMessage; response: ServerResponse }>((resolve) =>
    server.once('request', (request, response) => resolve({ request, response })),
  );
  const asking = get({ host: '127.0.0.1', port });
  asking.on('error', () => undefined);
  const pair = await arrived;
  const closed = once(pair.response, 'close');
  asking.destroy();
  await closed;
  return pair;
}

test('a caller who left before the upstream was asked is noticed, and the stream that was opened for it ends', async () => {
  const acme = organisation();
  const { key } = apiKey(acme.id, hasher);
  const config = mcpServer(acme.id);
  const grant = accessGrant(key, config);
  const { snapshot } = await stateOf('1', snapshotOf({ organisations: [acme], apiKeys: [key], mcpServers: [config], accessGrants: [grant] }));
  const server = snapshot.servers.get(acme.id)?.get(config.id);
  if (server === undefined) throw new Error('the snapshot lacks its server');
  const streams = new OpenStreams({ config: new ConfigStore(systemClock), hasher, clock: systemClock, guesses: new GuessLimiter(1) });
  onTestFinished(() => streams.close());
  const { request, response } = await abandonedGet();
  let isCancelled = false;
  const outcome = new Promise<Outcome>((resolve) => {
    const relay = new AnswerRelay(
      { clock: systemClock, sessions: new SessionIds(testSecretKey.derive('session-ids')), streams },
      new Exchange(request, response, { identifier: config.slug, tailPath: '' }, systemClock),
      {
        access: { key, server, grant, plan: planOf(snapshot, key, server, grant) },
        rpc: { call: undefined, message: undefined, era: 'legacy', session: undefined },
        listRules: [],
      },
      new Trail(),
      resolve,
    );
    relay.follow({ resume: () => undefined, cancel: () => void (isCancelled = true) });
  });
  expect(await outcome).toMatchObject({ status: 499 });
  expect(isCancelled).toBe(true);
});
