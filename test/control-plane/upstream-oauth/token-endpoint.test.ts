/** What an authorisation server's answer says of the client that asked: only a plain word is taken for having been forgotten. */
import { createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { TokenEndpoint } from '../../../control-plane/upstream-oauth/token-endpoint.ts';
import { AddressRules } from '../../../shared/address-rules.ts';
import { listenOnLoopback } from '../../support/loopback.ts';

interface Said {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

async function clientOf(said: Said | undefined) {
  const server = createServer((_request, response) => {
    if (said === undefined) response.destroy();
    else response.writeHead(said.status, { 'content-type': 'application/json', ...said.headers }).end(said.body);
  });
  const { origin: issuer, close } = await listenOnLoopback(server);
  onTestFinished(close);
  const client = { clientId: 'turnpike', clientSecret: 'secret', method: 'client_secret_basic', isPublic: false } as const;
  return { ...client, issuer, tokenEndpoint: `${issuer}/token`, revocationEndpoint: null };
}

const error = (code: string) => JSON.stringify({ error: code });
const token = JSON.stringify({ access_token: 'given', token_type: 'bearer' });

test.each<[string, boolean, Said | undefined]>([
  ['invalid_client', false, { status: 401, body: error('invalid_client') }],
  ['invalid_client with the wrong status', false, { status: 400, body: error('invalid_client') }],
  ['a challenge', false, { status: 401, headers: { 'www-authenticate': 'Basic realm="tokens"' }, body: error('invalid_client') }],
  ['that the token is not known', true, { status: 400, body: error('invalid_grant') }],
  ['something that it should not', true, { status: 400, body: error('constructor') }],
  ['that it is closed', true, { status: 503, body: 'closed' }],
  ['nothing', true, undefined],
  ['a token, whatever it was asked', true, { status: 200, body: token }],
])('a server that answers %s: is the client known? %s', async (_what, isKnown, said) => {
  expect(await new TokenEndpoint(new AddressRules(undefined)).knows(await clientOf(said))).toBe(isKnown);
});
