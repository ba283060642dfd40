/** The protocol revisions that this gateway carries, in their two eras: with a handshake and sessions, and with neither. */
import { Refusal } from '../../shared/refusal.ts';

/** `legacy` begins with `initialize`; in `modern`, since 2026-07-28, each request says for itself what a handshake used to agree on. */
export type Era = 'legacy' | 'modern';

export const MODERN_REVISION = '2026-07-28';
const LEGACY_REVISIONS: ReadonlySet<string> = new Set(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25']);

/** Whether the revision begins with `initialize`. */
export function isLegacyRevision(revision: string): boolean {
  return LEGACY_REVISIONS.has(revision);
}

/** An absent header stands for 2025-03-26; one that is not known is a 400 (MCP 2025-11-25, Transports, protocol version header). */
export function requireLegacyRevision(header: string | undefined): void {
  if (header === undefined || isLegacyRevision(header)) return;
  throw unsupportedRevision(header, [...LEGACY_REVISIONS, MODERN_REVISION]);
}

/** Clients choose from `supported` and try again (MCP 2026-07-28, Versioning). */
export function unsupportedRevision(requested: string, supported: readonly string[]): Refusal {
  const detail = `the protocol revision ${requested.slice(0, 64)} is not carried; it must be one of ${supported.join(', ')}`;
  return new Refusal('invalid_request', 'unsupported_protocol_version', detail, { supported, requested: requested.slice(0, 64) });
}
