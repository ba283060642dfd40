/** Says what became of an upstream call in the words of the refusal table; addresses and system messages stay in the cause. */
import { Refusal } from '../../shared/refusal.ts';
import type { RefusalReason } from '../../shared/refusals.ts';
import type { GovernedServer } from '../config/governed-server.ts';

/** Failures before the first byte of the request left. */
const UNREACHABLE: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'EMFILE']);
const TLS = /^(?:CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO)/;

export function refusalOfUpstreamError(error: unknown, server: GovernedServer): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return timedOut('total_timeout', `'${server.config.slug}' did not open a session in time`, error);
  const code = codeOf(error);
  const name = `'${server.config.slug}'`;
  if (code === 'TURNPIKE_ADDRESS_REFUSED') return failed('address_refused', `the address of ${name} is not one that it may have`, error);
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return timedOut('connect_timeout', `${name} did not accept a connection in time`, error);
  if (code === 'UND_ERR_HEADERS_TIMEOUT') return timedOut('header_timeout', `${name} did not begin to answer in time`, error);
  if (code === 'UND_ERR_BODY_TIMEOUT') return timedOut('idle_timeout', `${name} fell silent in the middle of its answer`, error);
  if (UNREACHABLE.has(code) || TLS.test(code)) return failed('unreachable', `${name} cannot be reached`, error);
  return failed('connection_lost', `the connection to ${name} was lost`, error);
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  // Several addresses may have been tried; what befell the first one tells enough.
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return codeOf(error.errors[0]);
  return typeof error.code === 'string' ? error.code : '';
}

function failed(reason: RefusalReason<'upstream_error'>, detail: string, cause: unknown): Refusal {
  return new Refusal('upstream_error', reason, detail, {}, { cause });
}

function timedOut(reason: RefusalReason<'upstream_timeout'>, detail: string, cause: unknown): Refusal {
  return new Refusal('upstream_timeout', reason, detail, {}, { cause });
}
