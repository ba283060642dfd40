/** The immutable configuration that one request is decided by, from its first step to its last. */
import type { AccessGrant } from '../../shared/access-grant.ts';
import type { Agent } from '../../shared/agent.ts';
import type { ApiKey } from '../../shared/api-key.ts';
import type { OrganisationConfig } from '../../shared/config-document.ts';
import type { CompiledFilter } from '../../shared/content-filter/compiled-filter.ts';
import type { Limit } from '../../shared/limit.ts';
import type { CompiledPolicy } from '../policies/compiled-policy.ts';
import type { ReadyToken } from '../upstream-auth/ready-token.ts';
import type { GovernedServer } from './governed-server.ts';

/** A hash that opens a key, for as long as it does: after a rotation the old one ends before the key does. */
export interface KeyMatch {
  readonly key: ApiKey;
  readonly validUntilMillis: number | null;
}

export interface Snapshot {
  /** Decimal version of the feed. */
  readonly version: string;
  readonly organisations: ReadonlyMap<string, OrganisationConfig>;
  /** Organisation id → the filter that holds at all its servers. */
  readonly organisationFilters: ReadonlyMap<string, CompiledFilter>;
  readonly keys: ReadonlyMap<string, ApiKey>;
  readonly keysByHash: ReadonlyMap<string, KeyMatch>;
  /** Organisation id → slug or id → server. */
  readonly servers: ReadonlyMap<string, ReadonlyMap<string, GovernedServer>>;
  /** API key id → server id → grant. */
  readonly grants: ReadonlyMap<string, ReadonlyMap<string, AccessGrant>>;
  /** Owner id (`GLOBAL` for the global one) → policy. */
  readonly policies: ReadonlyMap<string, CompiledPolicy>;
  /** Owner id → active budgets and quotas. */
  readonly limits: ReadonlyMap<string, readonly Limit[]>;
  /** Server id → user id (`WHOLE_ORGANISATION` for the one of all) → the newest token. */
  readonly upstreamTokens: ReadonlyMap<string, ReadonlyMap<string, ReadyToken>>;
  /** What tokens are hashed with; undefined in configurations that were written before it was said, where it follows from the secret key. */
  readonly tokenHashKey: Buffer | undefined;
  /** Organisation id → agent id → agent. */
  readonly agents: ReadonlyMap<string, ReadonlyMap<string, Agent>>;
}

/** Undefined for a key of no agent, and for one whose agent is gone. */
export function boundAgentOf({ agents }: Snapshot, { organisationId, agentId }: ApiKey): Agent | undefined {
  return agentId === null ? undefined : agents.get(organisationId)?.get(agentId);
}
