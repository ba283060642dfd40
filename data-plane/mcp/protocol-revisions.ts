/** The protocol revisions that this gateway carries, all of the era that begins with `initialize`. */
import { Refusal } from '../../shared/refusal.ts';

const KNOWN_REVISIONS: ReadonlySet<string> = new Set(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25']);

/** An absent header stands for 2025-03-26; one that is not known is a 400 (MCP 2025-11-25, Transports, protocol version header). */
export function requireKnownRevision(header: string | undefined): void {
  if (header === undefined || KNOWN_REVISIONS.has(header)) return;
  throw new Refusal('invalid_request', 'unsupported_protocol_version', `MCP-Protocol-Version must be one of ${[...KNOWN_REVISIONS].join(', ')}`);
}
