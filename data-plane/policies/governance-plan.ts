/** Everything that governs one key on one server, gathered once per snapshot rather than at every request. */
import type { AccessGrant } from '../../shared/access-grant.ts';
import type { ApiKey } from '../../shared/api-key.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import { GLOBAL_OWNER, type Snapshot } from '../config/snapshot.ts';
import type { LeaseCheck } from '../counters/counters.ts';
import { REQUEST_BYTES_MAX } from '../settings.ts';
import { identityValues } from '../usage/identity-values.ts';
import { clientCheckOf, type ClientCheck } from './client-check.ts';
import type { CompiledPolicy } from './compiled-policy.ts';
import { HoldPlanner } from './planned-holds.ts';

/** A rate or lease together with the policy that asks for it, for denials. */
interface Planned<Check> {
  readonly checks: readonly Check[];
  readonly policies: readonly CompiledPolicy[];
}

export interface GovernancePlan {
  /** From the widest scope to the narrowest. */
  readonly policies: readonly CompiledPolicy[];
  readonly rates: Planned<CompiledPolicy['rates'][number]>;
  readonly leases: Planned<LeaseCheck>;
  readonly holds: HoldPlanner;
  readonly requestBytesMax: number;
  readonly responseBytesMax: number;
  /** Addresses that every list of the policies has let pass. */
  readonly passedAddresses: Set<string>;
  /** What the name of the client decides; undefined where it decides nothing. */
  readonly clientCheck: ClientCheck | undefined;
  /** The part of the usage event that is the same for every request of the pair: JSON without brackets. */
  readonly identityJson: string;
}

const plans = new WeakMap<Snapshot, Map<string, GovernancePlan>>();

export function planOf(snapshot: Snapshot, key: ApiKey, server: GovernedServer, grant: AccessGrant): GovernancePlan {
  let known = plans.get(snapshot);
  if (known === undefined) plans.set(snapshot, (known = new Map()));
  let plan = known.get(grant.id);
  if (plan === undefined) known.set(grant.id, (plan = makePlan(snapshot, key, server)));
  return plan;
}

function makePlan(snapshot: Snapshot, key: ApiKey, server: GovernedServer): GovernancePlan {
  const owners = [key.organisationId, key.teamId, key.userId, key.id, server.config.id].filter((owner) => owner !== null);
  const policies = [GLOBAL_OWNER, ...owners].flatMap((owner) => snapshot.policies.get(owner) ?? []);
  const rated = policies.flatMap((policy) => policy.rates.map((rate) => ({ rate, policy })));
  const leased = policies.flatMap((policy) => (policy.lease === undefined ? [] : [{ lease: policy.lease, policy }]));
  const limits = owners
    .flatMap((owner) => snapshot.limits.get(owner) ?? [])
    .filter((limit) => limit.mcpServerId === null || limit.mcpServerId === server.config.id);
  return {
    policies,
    rates: { checks: rated.map(({ rate }) => rate), policies: rated.map(({ policy }) => policy) },
    leases: { checks: leased.map(({ lease }) => lease), policies: leased.map(({ policy }) => policy) },
    holds: new HoldPlanner(limits),
    requestBytesMax: smallest(
      policies.map((policy) => policy.requestBytesMax),
      REQUEST_BYTES_MAX,
    ),
    responseBytesMax: smallest(
      policies.map((policy) => policy.responseBytesMax),
      server.limits.responseBytesMax,
    ),
    passedAddresses: new Set(),
    clientCheck: clientCheckOf(snapshot, key, server),
    identityJson: identityJsonOf(key, server),
  };
}

function smallest(limits: readonly (number | undefined)[], otherwise: number): number {
  return Math.min(otherwise, ...limits.filter((limit) => limit !== undefined));
}

function identityJsonOf(key: ApiKey, server: GovernedServer): string {
  return identityValues({
    organisationId: key.organisationId,
    teamId: key.teamId,
    userId: key.userId,
    userDomain: key.userDomain,
    apiKeyId: key.id,
    apiKeyPrefix: key.prefix,
    serverId: server.config.id,
    serverSlug: server.config.slug,
    transport: server.config.transport,
  });
}
