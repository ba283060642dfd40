/** The two requests with which a browser signs in at the identity provider: one that leads there, and one that comes back. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { InputRefused } from '../graphql/input-refused.ts';
import type { VisitorContext } from '../request-context.ts';
import type { HostCookie } from '../sessions/host-cookie.ts';
import type { IdentityProvider, SignInFlow } from './identity-provider.ts';
import type { ProviderAccounts } from './provider-accounts.ts';

export const SINGLE_SIGN_ON_PATH = '/v1/sign-in';
const CALLBACK_PATH = `${SINGLE_SIGN_ON_PATH}/callback`;
const FLOW_MILLIS = 10 * 60_000;
const FLOW = /^([\w-]{20,100})\.([\w-]{20,100})\.([\w-]{43,128})\.([a-z0-9-]{0,64})$/;

/** In the browser, so that any replica can go on. */
interface KeptFlow extends SignInFlow {
  /** The slug that the person has named, or nothing. */
  readonly organisation: string;
}

export class SingleSignOn {
  readonly #provider: IdentityProvider;
  readonly #accounts: ProviderAccounts;
  readonly #cookie: HostCookie;
  readonly #log: Logger;

  constructor(parts: { provider: IdentityProvider; accounts: ProviderAccounts; cookie: HostCookie; log: Logger }) {
    this.#provider = parts.provider;
    this.#accounts = parts.accounts;
    this.#cookie = parts.cookie;
    this.#log = parts.log;
  }

  async handle(context: VisitorContext, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://localhost');
    response.setHeader('Cache-Control', 'no-store');
    if (url.pathname === SINGLE_SIGN_ON_PATH) return this.#leave(url.searchParams.get('organisation') ?? '', request, response);
    if (url.pathname === CALLBACK_PATH) return this.#comeBack(context, url.search, request, response);
    return tell(response, 404, 'There is nothing here.');
  }

  async #leave(organisation: string, { headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { url, flow } = await this.#provider.begin();
      const value = [flow.state, flow.nonce, flow.verifier, organisation].join('.');
      if (!FLOW.test(value)) return tell(response, 400, 'There is no such organisation.');
      response.appendHeader('Set-Cookie', this.#cookie.keep(headers, value, new Date(Date.now() + FLOW_MILLIS)));
      response.writeHead(303, { Location: url.href });
      response.end();
    } catch (error) {
      this.#log.warn({ err: error }, 'the identity provider does not answer');
      tell(response, 503, 'The identity provider does not answer.');
    }
  }

  async #comeBack(context: VisitorContext, search: string, { headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    const flow = readFlow(this.#cookie.read(headers));
    response.appendHeader('Set-Cookie', this.#cookie.forget(headers));
    if (flow === undefined) return tell(response, 400, `Begin anew at ${SINGLE_SIGN_ON_PATH}: this took too long, or began in another browser.`);
    const identity = await this.#provider.finish(search, flow).catch((error: unknown) => {
      this.#log.warn({ err: error, requestId: context.requestId }, 'the identity provider did not confirm who somebody is');
      return undefined;
    });
    if (identity === undefined) return tell(response, 403, 'The identity provider did not confirm who you are, with an address that it has verified.');
    const user = await this.#accounts.signIn(context, identity, flow.organisation).catch((error: unknown) => {
      if (error instanceof InputRefused) return undefined;
      throw error;
    });
    if (user === undefined)
      return tell(response, 403, 'You are no member here, or of several organisations: ask for an invitation, or begin with ?organisation=<slug>.');
    tell(response, 200, `You are signed in as ${user.email}.`);
  }
}

function readFlow(cookie: string | undefined): KeptFlow | undefined {
  const [, state, nonce, verifier, organisation] = FLOW.exec(cookie ?? '') ?? [];
  if (state === undefined || nonce === undefined || verifier === undefined || organisation === undefined) return undefined;
  return { state, nonce, verifier, organisation };
}

function tell(response: ServerResponse, status: number, sentence: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(`${sentence}\n`);
}
