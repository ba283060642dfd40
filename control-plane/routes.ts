/** What the control plane answers over HTTP beside GraphQL: its health, metrics, exports, the registry, and the pages of sign-ins. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerJson } from './answer-json.ts';
import { exportAudit } from './audit/export-audit.ts';
import { answerRegistry, isRegistryPath } from './catalog/registry-api.ts';
import { isDatabaseThere } from './database/orm.ts';
import { acrossOrganisations } from './database/roles.ts';
import { DOWNLOAD_PATH } from './exports/export-links.ts';
import { contextOfRequest, contextOfVisitor, type ContextParts } from './make-context.ts';
import { answerMetrics } from './metrics/metrics.ts';
import { SETUP_PATH, SETUP_TEXT } from './setup-link.ts';
import { SINGLE_SIGN_ON_PATH, type SingleSignOn } from './single-sign-on/single-sign-on.ts';
import { OAUTH_PATH, type OauthPages } from './upstream-oauth/oauth-pages.ts';
import { exportUsage } from './usage-export/export-usage.ts';

export interface RouteParts extends ContextParts {
  /** Undefined where no provider is configured. */
  readonly singleSignOn: SingleSignOn | undefined;
  readonly oauthPages: OauthPages;
}

export interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
}

type Answer = (parts: RouteParts, asked: Asked) => Promise<void> | void;

interface Route {
  readonly isFor: (path: string) => boolean;
  /** Whether it takes more than GET. */
  readonly isForAnyMethod?: boolean;
  readonly answer: Answer;
}

/** Undefined when there is nothing at that path. */
export function findRoute(method: string | undefined, path: string): Answer | undefined {
  return ROUTES.find(({ isFor, isForAnyMethod }) => isFor(path) && (method === 'GET' || isForAnyMethod === true))?.answer;
}

export function answerNotFound(response: ServerResponse): void {
  answerJson(response, 404, { error: 'not_found' });
}

const at = (whole: string) => (path: string) => path === whole;
const below = (beginning: string) => (path: string) => path.startsWith(beginning);

const ROUTES: readonly Route[] = [
  { isFor: at('/v1/health'), isForAnyMethod: true, answer: (_parts, { response }) => answerJson(response, 200, { status: 'alive' }) },
  { isFor: at('/v1/healthz'), isForAnyMethod: true, answer: answerReadiness },
  { isFor: at('/metrics'), answer: ({ services, em }, { response }) => answerMetrics(services, acrossOrganisations(em), response) },
  {
    isFor: below(DOWNLOAD_PATH),
    answer: ({ services, em }, { url, response }) => services.exports.download(acrossOrganisations(em), services, url, response),
  },
  { isFor: at('/v1/export/usage'), answer: answerExport(exportUsage) },
  { isFor: at('/v1/export/audit'), answer: answerExport(exportAudit) },
  {
    isFor: isRegistryPath,
    answer: async (parts, { request, response, url }) =>
      answerRegistry(await contextOfRequest(parts, request, response), url, request.headers.authorization === undefined, response),
  },
  { isFor: below(SINGLE_SIGN_ON_PATH), answer: answerSingleSignOn },
  {
    isFor: below(OAUTH_PATH),
    answer: async (parts, { request, response, url }) => parts.oauthPages.handle(await contextOfRequest(parts, request, response), url, response),
  },
  { isFor: at(SETUP_PATH), answer: answerSetup },
];

async function answerReadiness({ em }: RouteParts, { response }: Asked): Promise<void> {
  const isThere = await isDatabaseThere(em);
  answerJson(response, isThere ? 200 : 503, { status: isThere ? 'ready' : 'not ready', database: isThere });
}

function answerExport(send: typeof exportUsage): Answer {
  return async (parts, { request, response, url }) => send(await contextOfRequest(parts, request, response), url.searchParams, response);
}

async function answerSingleSignOn(parts: RouteParts, { request, response }: Asked): Promise<void> {
  if (parts.singleSignOn === undefined) return answerNotFound(response);
  return parts.singleSignOn.handle(await contextOfVisitor(parts, request, response), request, response);
}

function answerSetup(_parts: RouteParts, { response }: Asked): void {
  response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' });
  response.end(SETUP_TEXT);
}
