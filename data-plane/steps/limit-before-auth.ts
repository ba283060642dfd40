/** Step 5: turns away foreign web pages, foreign names of this machine, addresses that the global policy blocks, and addresses that keep guessing keys. */
import { Refusal } from '../../shared/refusal.ts';
import { GLOBAL_OWNER } from '../../shared/policy.ts';
import type { Snapshot } from '../config/snapshot.ts';
import type { Exchange } from '../exchange.ts';
import type { Gateway } from '../gateway.ts';
import { judgeAddress } from '../policies/ip-rules.ts';

const LOOPBACK_ORIGIN = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;

export function limitBeforeAuth(gateway: Pick<Gateway, 'guesses' | 'hosts' | 'clock'>, snapshot: Snapshot, exchange: Exchange): void {
  refuseForeignOrigin(exchange);
  refuseForeignHost(gateway, exchange);
  const global = snapshot.policies.get(GLOBAL_OWNER);
  // Lists that only observe are looked at in step 10, where it is known for whom.
  if (global !== undefined) judgeAddress(exchange.clientIp, global.enforcedAddresses);
  const waitMillis = gateway.guesses.waitMillis(exchange.clientIp, gateway.clock.now());
  if (waitMillis === 0) return;
  throw new Refusal('rate_limit_exceeded', 'pre_auth_rate', 'too many requests with unknown keys came from this address', {
    scope: 'address',
    retryAfterSeconds: Math.ceil(waitMillis / 1000),
  });
}

/** A page of another site must not reach a gateway on somebody's own machine (MCP 2025-11-25, Transports, security warning). */
function refuseForeignOrigin(exchange: Exchange): void {
  const origin = exchange.header('origin');
  if (origin === undefined || LOOPBACK_ORIGIN.test(origin)) return;
  throw new Refusal('mcp_not_allowed', 'origin_not_allowed', 'requests of web pages from this origin are not allowed');
}

/** Pages of one's own origin send no Origin with a GET: whoever owns the domain may then have led the browser here (DNS rebinding). */
function refuseForeignHost({ hosts }: Pick<Gateway, 'hosts'>, exchange: Exchange): void {
  // No browser was led here by what the control plane sends.
  if (exchange.standsFor !== undefined || hosts.allows(exchange.header('host') ?? '', exchange.localAddress)) return;
  throw new Refusal('mcp_not_allowed', 'host_not_allowed', 'the gateway is not known by the name in the Host header');
}
