/** What the limits of a server must be, whoever sets them: within their bounds, and of use to its transport. */
import type { McpServer } from '../../shared/mcp-server.ts';
import { effectiveLimits, hasLimit, serverLimitsSchema, type LimitName, type ServerLimits } from '../../shared/server-limits.ts';
import { parseInput, refuseInput } from '../graphql/input-refused.ts';

/** Each limit by its name in the API, where durations end in `Ms`, and by its own. */
export const LIMIT_FIELDS = [
  ['connectTimeoutMs', 'connectTimeoutMillis'],
  ['headersTimeoutMs', 'headersTimeoutMillis'],
  ['idleTimeoutMs', 'idleTimeoutMillis'],
  ['totalTimeoutMs', 'totalTimeoutMillis'],
  ['responseBytesMax', 'responseBytesMax'],
  ['eventBytesMax', 'eventBytesMax'],
  ['processesMax', 'processesMax'],
  ['warmProcesses', 'warmProcesses'],
  ['processIdleMs', 'processIdleMillis'],
  ['inFlightMax', 'inFlightMax'],
] as const satisfies readonly (readonly [string, LimitName])[];
export type LimitField = (typeof LIMIT_FIELDS)[number][0];

/** Null gives a limit its default back; what is absent stays. */
export type ServerLimitsInput = { readonly [Field in LimitField]?: number | null };
/** What limits are judged by. */
type Limited = Pick<McpServer, 'transport' | 'stdioIsolation' | 'limits'>;

/** Null gives all of them their defaults back. */
export function readLimits(input: ServerLimitsInput | null, current: ServerLimits): ServerLimits {
  if (input === null) return {};
  const limits: ServerLimits = { ...current };
  for (const [field, name] of LIMIT_FIELDS) {
    const given = input[field];
    if (given === null) delete limits[name];
    else if (given !== undefined) limits[name] = parseInput(serverLimitsSchema.shape[name], given, ['limits', field]);
  }
  return limits;
}

/** Refuses a limit that would limit nothing, and more warm processes than there may be. */
export function requireFittingLimits(server: Limited): void {
  const misplaced = LIMIT_FIELDS.find(([, name]) => server.limits[name] !== undefined && !hasLimit(server.transport, name));
  if (misplaced !== undefined)
    throw refuseInput(['limits', misplaced[0]], 'INVALID', `${misplaced[0]} limits nothing of a server with transport ${server.transport}`);
  const { warmProcesses, processesMax } = effectiveLimits(server);
  if (warmProcesses === 0) return;
  const field = ['limits', 'warmProcesses'];
  if (server.stdioIsolation !== 'SHARED') {
    throw refuseInput(
      field,
      'INVALID',
      'the process of a session cannot start before the session',
      'set warmProcesses to null, or let callers share processes',
    );
  }
  if (warmProcesses > processesMax)
    throw refuseInput(field, 'TOO_LARGE', `at most ${processesMax}, as many as the server may have in all`, 'raise processesMax with it');
}

/** What holds for a server, without what its transport does not have. */
export function shownLimits(server: Limited): Partial<Record<LimitField, number>> {
  const limits = effectiveLimits(server);
  const shown: Partial<Record<LimitField, number>> = {};
  for (const [field, name] of LIMIT_FIELDS) if (hasLimit(server.transport, name)) shown[field] = limits[name];
  return shown;
}
