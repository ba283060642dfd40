/** Refuses address lists that leave no address to somebody's calls, together with those of other policies in force. */
import { isDeepStrictEqual } from 'node:util';
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { GLOBAL_OWNER, type PolicyEnvelope } from '../../shared/policy.ts';
import { ACROSS_TENANTS } from '../database/tenant-filter.ts';
import { InputRefused } from '../graphql/input-refused.ts';
import type { UserError } from '../graphql/user-error.types.ts';
import { EVERY_ADDRESS, inBoth, rangesOf, without, type AddressRange } from './address-ranges.ts';
import type { PolicyOwner } from './policy-owner.ts';
import { PolicyEntity, type OwnedScope, type Policy } from './policy.entity.ts';

export interface AddressChange {
  readonly organisationId: string;
  readonly owner: PolicyOwner;
  /** To be enforced. */
  readonly envelope: PolicyEnvelope;
  /** Null where there is none yet. */
  readonly existing: Policy | null;
}

/** Of different sets of policies that calls fall under; organisations have hardly a hundred. */
const CHAINS_MAX = 10_000;
const ERRORS_MAX = 10;
const HINT = 'let them have addresses in common; if every such call is to be refused, say mayDenyAll: true';

const chainsSchema = z.array(z.object({ others: z.array(z.string()) }));

/** What was empty before, as it was chosen or came about by grants, is nobody's fault now. Throws `InputRefused`, which names the other policies. */
export async function requireCommonAddresses(em: EntityManager, change: AddressChange): Promise<void> {
  const { ip } = change.envelope.policies;
  if (ip === undefined) return;
  if (change.existing?.mode === 'ENFORCE' && isDeepStrictEqual(change.existing.envelope.policies.ip, ip)) return;
  const errors = new Map<string, UserError>();
  const own = addressesOf(change.envelope);
  const field = ['policy', 'policies', 'ip', (ip.allowlist ?? []).length === 0 ? 'blocklist' : 'allowlist'];
  for (const chain of await chainsOf(em, change)) {
    const left = leftBy(chain);
    if (left.length === 0 || inBoth(left, own).length > 0) continue;
    const culprits = blamedOf(chain, own).map(({ policy }) => policy);
    const names = culprits.map(({ id, scope, ownerId }) => `${id} (${scope} ${ownerId})`).join(', ');
    const message = `no address is left for calls that fall under ${names} too`;
    errors.set(message, { field, message, code: 'DENIES_ALL', hint: HINT });
  }
  if (errors.size > 0) throw new InputRefused([...errors.values()].slice(0, ERRORS_MAX));
}

/** A policy with the addresses that it lets call. */
interface Link {
  readonly policy: Policy;
  readonly addresses: readonly AddressRange[];
}

/** The other policies with address lists that the owner's calls fall under: those that all of them do, and with them those that some do. */
async function chainsOf(em: EntityManager, { organisationId, owner: { scope, ownerId } }: AddressChange): Promise<Link[][]> {
  const chains = chainsSchema.parse(await em.execute(chainsQuery(scope), [organisationId, ownerId, organisationId, ownerId])).map(({ others }) => others);
  const wide = [{ ownerId: organisationId }, { ownerId: GLOBAL_OWNER, organisationId: null }];
  const found = await em.find(
    PolicyEntity,
    { $or: [{ id: { $in: [...new Set(chains.flat())] }, organisationId }, ...wide], ownerId: { $ne: ownerId }, mode: 'ENFORCE' },
    ACROSS_TENANTS,
  );
  const links = new Map(found.map((policy) => [policy.id, { policy, addresses: addressesOf(policy.envelope) }]));
  const ofAll = [...links.values()].filter(({ policy }) => policy.scope === 'GLOBAL' || policy.scope === 'ORGANISATION');
  return [ofAll, ...chains.map((others) => [...ofAll, ...others.flatMap((id) => links.get(id) ?? [])])];
}

/** Which keys fall under the owner. A server's are those that may call it. */
const CONCERNED: Readonly<Record<OwnedScope, string>> = {
  ORGANISATION: 'k.organisation_id = ?',
  TEAM: 'k.team_id = ?',
  USER: 'k.user_id = ?',
  API_KEY: 'k.id = ?',
  MCP_SERVER: `exists (select from access_grants where api_key_id = k.id and mcp_server_id = ? and (expires_at is null or expires_at > now()))`,
};

/** Different sets alone, so that a hundred thousand keys without lists of their own are one. */
function chainsQuery(scope: OwnedScope): string {
  return `
    with listed as (
      select id, owner_id from policies
      where organisation_id = ? and owner_id <> ? and mode = 'ENFORCE' and envelope #> '{policies,ip}' is not null
    )
    select distinct array_remove(array[team.id, person.id, own.id, server.id], null) as others
    from api_keys k
    left join listed team on team.owner_id = k.team_id
    left join listed person on person.owner_id = k.user_id
    left join listed own on own.owner_id = k.id
    left join (access_grants g join listed server on server.owner_id = g.mcp_server_id)
      on g.api_key_id = k.id and (g.expires_at is null or g.expires_at > now()) and ${scope !== 'MCP_SERVER'}
    where k.organisation_id = ? and k.state <> 'REVOKED' and (k.expires_at is null or k.expires_at > now()) and ${CONCERNED[scope]}
      and coalesce(team.id, person.id, own.id, server.id) is not null
    limit ${CHAINS_MAX}`;
}

function addressesOf({ policies: { ip } }: PolicyEnvelope): readonly AddressRange[] {
  const { allowlist = [], blocklist = [] } = ip ?? {};
  // An empty list is none.
  return without(allowlist.length === 0 ? EVERY_ADDRESS : rangesOf(allowlist), rangesOf(blocklist));
}

function leftBy(chain: readonly Link[]): readonly AddressRange[] {
  return chain.reduce<readonly AddressRange[]>((left, { addresses }) => inBoth(left, addresses), EVERY_ADDRESS);
}

/** The first one that has nothing in common with the changed policy, or else all that do it together. */
function blamedOf(chain: readonly Link[], own: readonly AddressRange[]): readonly Link[] {
  const alone = chain.find(({ addresses }) => inBoth(addresses, own).length === 0);
  return alone === undefined ? chain.filter(({ policy }) => policy.envelope.policies.ip !== undefined) : [alone];
}
