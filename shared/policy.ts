/** The policy envelope that may stand at every scope; all envelopes that apply to a request must be satisfied. */
import { isIP, type BlockList } from 'node:net';
import { z } from 'zod';

const count = z.int().nonnegative();
const seconds = z.int().min(1).max(86_400);
const calls = z.int().min(1).max(1_000_000);
/** Tools of a fan-out are remembered one by one. */
const TOOLS_MAX = 1000;

/** A CIDR block or a bare address, IPv4 or IPv6. */
export const cidrSchema = z.string().refine(isCidr, 'must be an address or a CIDR block such as 10.0.0.0/8');

export const policyEnvelopeSchema = z.strictObject({
  policies: z
    .strictObject({
      ip: z.strictObject({ allowlist: z.array(cidrSchema).max(1000), blocklist: z.array(cidrSchema).max(1000) }).partial(),
      ratelimit: z
        .strictObject({
          /** Calls in any span of that length; `burst` is the most at once under the finest of them, on top of its even pace. */
          requests: z.strictObject({ per_second: count, per_minute: count, per_hour: count, per_day: count, burst: count }).partial(),
          payload: z.strictObject({ max_request_bytes: count, max_response_bytes: count }).partial(),
          concurrency: z.strictObject({ max: count, lease_ttl_seconds: z.int().min(3).max(3600) }).partial(),
        })
        .partial(),
      /** Breakers for agents that go round in circles; each counts one key by itself, whoever the policy belongs to. */
      loops: z
        .strictObject({
          /** The same tool with the same arguments, by one key (or one session of it) on one server. */
          repeated_calls: z.strictObject({ max: calls, within_seconds: seconds }),
          /** Failed calls of one tool in a row; a call that works ends the row. */
          error_streak: z.strictObject({ max: calls, reset_seconds: seconds }),
          /** Different tools, on whatever servers. */
          fan_out: z.strictObject({ max_tools: z.int().min(1).max(TOOLS_MAX), within_seconds: seconds }),
        })
        .partial(),
    })
    .partial(),
});
export type PolicyEnvelope = z.infer<typeof policyEnvelopeSchema>;

/** From the widest to the narrowest, the order in which they are judged. */
export const POLICY_SCOPES = ['GLOBAL', 'ORGANISATION', 'TEAM', 'USER', 'API_KEY', 'MCP_SERVER'] as const;
export type PolicyScope = (typeof POLICY_SCOPES)[number];

/** What a policy of nobody in particular is found by. */
export const GLOBAL_OWNER = 'GLOBAL';

/** Whose policies a call falls under, in the order of the scopes. */
export function policyOwnersOf(
  key: { readonly id: string; readonly organisationId: string; readonly teamId: string | null; readonly userId: string | null },
  serverId: string,
): string[] {
  return [GLOBAL_OWNER, key.organisationId, key.teamId, key.userId, key.id, serverId].filter((owner) => owner !== null);
}

export interface RequestRate {
  /** Where in the policy it stands. */
  readonly path: string;
  readonly limit: number;
  readonly windowMillis: number;
  readonly burst: number | undefined;
}

const RATE_WINDOWS = [
  ['per_day', 86_400_000],
  ['per_hour', 3_600_000],
  ['per_minute', 60_000],
  ['per_second', 1000],
] as const;

/**
 * From the longest window to the shortest. `burst` belongs to the shortest that is given: it says how uneven that pace may be, the longer windows hold as
 * they are.
 */
export function ratesIn({ policies }: PolicyEnvelope): RequestRate[] {
  const requests = policies.ratelimit?.requests ?? {};
  const given = RATE_WINDOWS.filter(([name]) => requests[name] !== undefined);
  return given.map(([name, windowMillis], index) => ({
    path: `policies.ratelimit.requests.${name}`,
    limit: requests[name] ?? 0,
    windowMillis,
    burst: index === given.length - 1 ? requests.burst : undefined,
  }));
}

/** Adds an address or block to a list; the text must have passed `cidrSchema`. */
export function addToBlockList(list: BlockList, cidr: string): void {
  const [address = '', bits] = cidr.split('/');
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (bits === undefined) list.addAddress(address, family);
  else list.addSubnet(address, Number(bits), family);
}

function isCidr(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32));
}
