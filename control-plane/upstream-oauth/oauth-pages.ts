/** What browsers and authorisation servers ask the control plane for: the way back from a sign-in, and what Turnpike is as a client. */
import type { ServerResponse } from 'node:http';
import { answerJson } from '../answer-json.ts';
import type { RequestContext } from '../request-context.ts';
import { CLIENT_METADATA_PATH, clientMetadata } from './client-registration.ts';
import { SignInFailed, type ConnectedService } from './connected.service.ts';

export const OAUTH_PATH = '/oauth/';
export const OAUTH_CALLBACK_PATH = '/oauth/callback';

export interface OauthPageParts {
  readonly connected: ConnectedService;
  readonly redirectUri: () => string;
}

export class OauthPages {
  readonly #parts: OauthPageParts;

  constructor(parts: OauthPageParts) {
    this.#parts = parts;
  }

  async handle({ caller, requestId }: RequestContext, url: URL, response: ServerResponse): Promise<void> {
    if (url.pathname === CLIENT_METADATA_PATH) return answerJson(response, 200, clientMetadata(this.#parts.redirectUri()), { 'Cache-Control': 'max-age=300' });
    if (url.pathname !== OAUTH_CALLBACK_PATH) return tell(response, 404, 'There is nothing here.');
    try {
      const { name } = await this.#parts.connected.finish(caller, requestId, url.searchParams);
      tell(response, 200, `Turnpike is connected to ${name}. This page can be closed.`);
    } catch (error) {
      if (!(error instanceof SignInFailed)) throw error;
      tell(response, error.status, error.message);
    }
  }
}

/** The address of the page holds a code and a state: no other page is told it. */
function tell(response: ServerResponse, status: number, sentence: string): void {
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(`${sentence}\n`);
}
