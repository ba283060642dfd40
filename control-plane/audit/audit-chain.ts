/** The hash chain of an organisation's audit events: what is hashed, and how. */
import { hash } from 'node:crypto';

/** An event as it is hashed: every member that is told of it, but its place in the chain's hashes. */
export interface ChainedEvent {
  readonly organisationId: string;
  /** From 1 on in each organisation, without gaps. Like every number that may grow large, as text. */
  readonly position: string;
  readonly id: string;
  /** RFC 3339 in UTC, with six decimals. */
  readonly occurredAt: string;
  readonly actorKind: string;
  readonly actorId: string;
  readonly action: string;
  readonly targetId: string;
  readonly targetLabel: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly requestId: string;
}

/** SHA-256 in hex over the hash of the event before, which the first one has not, and the canonical JSON of the event. */
export function chainHash(previousHash: string | null, event: ChainedEvent): string {
  const { organisationId, position, id, occurredAt, actorKind, actorId, action, targetId, targetLabel, before, after, requestId } = event;
  const hashed = { organisationId, position, id, occurredAt, actorKind, actorId, action, targetId, targetLabel, before, after, requestId };
  return hash('sha256', `${previousHash ?? ''}${canonicalJson(hashed)}`, 'hex');
}

/** As RFC 8785 has it: no white space, members in the order of their names. The value must come from JSON. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`;
}
