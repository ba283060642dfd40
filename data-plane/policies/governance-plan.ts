/** Everything that governs one key on one server, gathered once per snapshot rather than at every request. */
import type { AccessGrant } from '../../shared/access-grant.ts';
import type { ApiKey } from '../../shared/api-key.ts';
import { policyOwnersOf } from '../../shared/policy.ts';
import { mergeRules, strictestOf, type BytesRule, type LeaseRule, type PolicyRules, type RateRule } from '../../shared/policy-rules.ts';
import { contentRulesOf, type ContentRules, type OwnedFilter } from '../guardrails/content-rules.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import type { Snapshot } from '../config/snapshot.ts';
import { REQUEST_BYTES_MAX } from '../settings.ts';
import { identityValues } from '../usage/identity-values.ts';
import { clientCheckOf, type ClientCheck } from './client-check.ts';
import type { CompiledAddresses, CompiledPolicy } from './compiled-policy.ts';
import { LoopPlanner } from './planned-loops.ts';
import { HoldPlanner } from './planned-holds.ts';

/** What is looked at beside the counters, and refuses nothing. */
export interface ObservedRules {
  readonly addresses: readonly CompiledAddresses[];
  readonly requestBytes: BytesRule | undefined;
  readonly responseBytes: BytesRule | undefined;
}

export interface GovernancePlan {
  /** Enforced ones; from the widest scope to the narrowest, as all that follow. */
  readonly addresses: readonly CompiledAddresses[];
  readonly rates: readonly RateRule[];
  readonly leases: readonly LeaseRule[];
  /** Undefined where no policy looks for loops. */
  readonly loops: LoopPlanner | undefined;
  readonly holds: HoldPlanner;
  readonly content: ContentRules;
  readonly requestBytesMax: number;
  /** The policy that allows no more; undefined where the gateway's own bound is lower. */
  readonly requestBytes: BytesRule | undefined;
  readonly responseBytesMax: number;
  /** Undefined where nothing only observes. */
  readonly observed: ObservedRules | undefined;
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
  const owners = policyOwnersOf(key, server.config.id);
  const policies = owners.flatMap((owner) => snapshot.policies.get(owner) ?? []);
  const rules = mergeRules(policies.map((policy) => policy.rules));
  const requestBytes = strictestOf(rules.requestBytes, false);
  const limits = owners
    .flatMap((owner) => snapshot.limits.get(owner) ?? [])
    .filter((limit) => limit.mcpServerId === null || limit.mcpServerId === server.config.id);
  return {
    addresses: policies.flatMap((policy) => policy.enforcedAddresses),
    rates: rules.rates,
    leases: rules.leases,
    loops: rules.loops.length === 0 ? undefined : new LoopPlanner(rules.loops, key.id, server.config.id),
    holds: new HoldPlanner(limits),
    content: contentRulesOf(filtersOf(snapshot, server)),
    requestBytesMax: Math.min(REQUEST_BYTES_MAX, requestBytes?.bytesMax ?? Infinity),
    requestBytes,
    responseBytesMax: Math.min(server.limits.responseBytesMax, strictestOf(rules.responseBytes, false)?.bytesMax ?? Infinity),
    observed: observedOf(policies, rules),
    passedAddresses: new Set(),
    clientCheck: clientCheckOf(snapshot, key, server),
    identityJson: identityJsonOf(key, server),
  };
}

/** That of the organisation comes first: of two that are equally strict, it is the one that decides. */
function filtersOf(snapshot: Snapshot, { config, filter }: GovernedServer): OwnedFilter[] {
  const ofOrganisation = snapshot.organisationFilters.get(config.organisationId);
  return [
    ...(ofOrganisation === undefined ? [] : [{ filter: ofOrganisation, owner: { kind: 'organisation', id: config.organisationId } } as const]),
    ...(filter === undefined ? [] : [{ filter, owner: { kind: 'mcpServer', id: config.id } } as const]),
  ];
}

function observedOf(policies: readonly CompiledPolicy[], rules: PolicyRules): ObservedRules | undefined {
  const addresses = policies.flatMap((policy) => policy.observedAddresses);
  const requestBytes = strictestOf(rules.requestBytes, true);
  const responseBytes = strictestOf(rules.responseBytes, true);
  const isNone = addresses.length === 0 && requestBytes === undefined && responseBytes === undefined;
  return isNone ? undefined : { addresses, requestBytes, responseBytes };
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
