/** Reads one chain from its first link to its last, and finds where it does not hold. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import type { AuditHead, ChainName } from './audit-heads.ts';

const organisationsSchema = z.array(z.object({ id: z.string() }));

export interface ChainLink {
  /** From 1 on, without gaps. */
  readonly position: string;
  /** For whoever looks for it. */
  readonly id: string;
  readonly previousHash: string | null;
  readonly hash: string;
}

export interface ChainTerms<Link extends ChainLink> {
  /** Of this chain alone. */
  readonly heads: readonly AuditHead[];
  hashOf(previousHash: string | null, link: Link): string;
}

export interface CheckedChain {
  /** How many links were read and hold. */
  readonly length: number;
  /** How many signed heads there were to compare with. */
  readonly heads: number;
  /** The first place that does not hold, as a sentence; undefined when everything does. */
  readonly fault: string | undefined;
}

export async function checkChain<Link extends ChainLink>(links: AsyncIterable<Link>, { heads, hashOf }: ChainTerms<NoInfer<Link>>): Promise<CheckedChain> {
  const headsAt = Map.groupBy(heads, ({ position }) => position);
  let length = 0;
  let previousHash: string | null = null;
  const report = (fault?: string): CheckedChain => ({ length, heads: heads.length, fault });
  for await (const link of links) {
    const previous = { position: BigInt(length), hash: previousHash };
    const fault = faultOf(link, { previous, expectedHash: hashOf(previousHash, link), heads: headsAt.get(link.position) ?? [] });
    if (fault !== undefined) return report(fault);
    length += 1;
    previousHash = link.hash;
  }
  const cut = heads.find(({ position }) => BigInt(position) > BigInt(length));
  return report(cut === undefined ? undefined : `the chain was cut off behind position ${length}: at ${cut.at} it ended at position ${cut.position}`);
}

interface Comparison {
  readonly previous: { readonly position: bigint; readonly hash: string | null };
  readonly expectedHash: string;
  /** Those that were at this position. */
  readonly heads: readonly AuditHead[];
}

function faultOf({ id, hash, previousHash, ...link }: ChainLink, { previous, expectedHash, heads }: Comparison): string | undefined {
  const [position, expected] = [BigInt(link.position), previous.position + 1n];
  if (position > expected) return `position ${expected} is missing: what comes next is position ${position} (${id})`;
  if (position < expected) return `position ${position} (${id}) was put in where position ${expected} should be`;
  if (previousHash !== previous.hash) return `position ${position} (${id}) does not follow from the event before it`;
  if (hash !== expectedHash) return `position ${position} (${id}) is not as it was written`;
  const other = heads.find((head) => head.hash !== hash);
  return other === undefined ? undefined : `the chain up to position ${position} (${id}) was written anew: at ${other.at} it was another`;
}

/** The heads of one chain of one organisation. */
export function headsOf(heads: readonly AuditHead[], organisationId: string, chain?: ChainName): AuditHead[] {
  return heads.filter((head) => head.organisationId === organisationId && head.chain === chain);
}

/** Those that there are, and those that there were when a head was signed. */
export async function organisationsOf(reader: EntityManager, heads: readonly AuditHead[]): Promise<string[]> {
  const known = organisationsSchema.parse(await reader.execute('select id from organisations'));
  return [...new Set([...known.map(({ id }) => id), ...heads.map(({ organisationId }) => organisationId)])].toSorted();
}
