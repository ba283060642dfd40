/** Builds the next configuration: starts from an older one or from nothing, takes changes one by one, and leaves the older one as it was. */
import type { AccessGrant } from '../../shared/access-grant.ts';
import type { ApiKey } from '../../shared/api-key.ts';
import type { ConfigChange, ConfigRemoval, ConfigUpsert, OrganisationConfig, PolicyConfig } from '../../shared/config-document.ts';
import type { Limit } from '../../shared/limit.ts';
import type { McpServer } from '../../shared/mcp-server.ts';
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import { compilePolicy, type CompiledPolicy } from '../policies/compiled-policy.ts';
import { compileServer } from './compile-server.ts';
import type { ConfigState } from './config-state.ts';
import type { GovernedServer } from './governed-server.ts';
import { SharedMap, SharedMapOfMaps } from './shared-map.ts';
import { GLOBAL_OWNER, type KeyMatch } from './snapshot.ts';

export class StateBuilder {
  readonly #sealer: SecretSealer;
  /** Asked for servers that may be taken over as they are. */
  readonly #previous: ConfigState;
  readonly #organisations: SharedMap<string, OrganisationConfig>;
  readonly #apiKeys: SharedMap<string, ApiKey>;
  readonly #keysByHash: SharedMap<string, KeyMatch>;
  readonly #mcpServers: SharedMap<string, McpServer>;
  readonly #servers: SharedMapOfMaps<string, string, GovernedServer>;
  readonly #accessGrants: SharedMap<string, AccessGrant>;
  readonly #grants: SharedMapOfMaps<string, string, AccessGrant>;
  readonly #policyConfigs: SharedMap<string, PolicyConfig>;
  readonly #policies: SharedMap<string, CompiledPolicy>;
  readonly #limitConfigs: SharedMap<string, Limit>;
  readonly #limits: SharedMap<string, readonly Limit[]>;

  /** `base` is what the changes come on top of; `previous` what is in force now, often the same. */
  constructor(sealer: SecretSealer, base: ConfigState, previous: ConfigState) {
    const { entities, snapshot } = base;
    this.#sealer = sealer;
    this.#previous = previous;
    this.#organisations = new SharedMap(entities.organisation);
    this.#apiKeys = new SharedMap(entities.apiKey);
    this.#keysByHash = new SharedMap(snapshot.keysByHash);
    this.#mcpServers = new SharedMap(entities.mcpServer);
    this.#servers = new SharedMapOfMaps(snapshot.servers);
    this.#accessGrants = new SharedMap(entities.accessGrant);
    this.#grants = new SharedMapOfMaps(snapshot.grants);
    this.#policyConfigs = new SharedMap(entities.policy);
    this.#policies = new SharedMap(snapshot.policies);
    this.#limitConfigs = new SharedMap(entities.limit);
    this.#limits = new SharedMap(snapshot.limits);
  }

  /** Throws when the change does not fit; the builder is then worth nothing, and the older state is as it was. */
  apply(change: ConfigChange): void {
    if (change.op === 'upsert') this.#put(change);
    else this.#remove(change);
  }

  finish(version: string): ConfigState {
    return {
      entities: {
        organisation: this.#organisations.current,
        apiKey: this.#apiKeys.current,
        mcpServer: this.#mcpServers.current,
        accessGrant: this.#accessGrants.current,
        policy: this.#policyConfigs.current,
        limit: this.#limitConfigs.current,
      },
      snapshot: {
        version,
        organisations: this.#organisations.current,
        keysByHash: this.#keysByHash.current,
        servers: this.#servers.current,
        grants: this.#grants.current,
        policies: this.#policies.current,
        limits: this.#limits.current,
      },
    };
  }

  #put(change: ConfigUpsert): void {
    switch (change.kind) {
      case 'organisation':
        return this.#organisations.set(change.value.id, change.value);
      case 'apiKey':
        return this.#putKey(change.value);
      case 'mcpServer':
        return this.#putServer(change.value);
      case 'accessGrant':
        return this.#putGrant(change.value);
      case 'policy':
        return this.#putPolicy(change.value);
      case 'limit':
        return this.#putLimit(change.value);
    }
  }

  #remove({ kind, id }: ConfigRemoval): void {
    switch (kind) {
      case 'organisation':
        return this.#organisations.delete(id);
      case 'apiKey':
        return this.#removeKey(id);
      case 'mcpServer':
        return this.#removeServer(id);
      case 'accessGrant':
        return this.#removeGrant(id);
      case 'policy':
        return this.#removePolicy(id);
      case 'limit':
        return this.#removeLimit(id);
    }
  }

  #putKey(key: ApiKey): void {
    this.#removeKey(key.id);
    this.#apiKeys.set(key.id, key);
    for (const { hash, validUntilMillis } of key.hashes) this.#keysByHash.set(hash, { key, validUntilMillis });
  }

  #removeKey(id: string): void {
    for (const { hash } of this.#apiKeys.get(id)?.hashes ?? []) this.#keysByHash.delete(hash);
    this.#apiKeys.delete(id);
  }

  #putServer(config: McpServer): void {
    const holder = this.#servers.get(config.organisationId, config.slug);
    if (holder !== undefined && holder.config.id !== config.id) throw new Error(`mcpServer ${config.id}: the slug ${config.slug} is taken by ${holder.config.id}`);
    const server = this.#unchanged(config) ?? compileServer(config, this.#sealer);
    this.#removeServer(config.id);
    this.#mcpServers.set(config.id, config);
    this.#servers.set(config.organisationId, config.id, server);
    this.#servers.set(config.organisationId, config.slug, server);
  }

  /** A server that is as it was keeps its compiled form, and with it its warm processes and connections. */
  #unchanged(config: McpServer): GovernedServer | undefined {
    const server = this.#previous.snapshot.servers.get(config.organisationId)?.get(config.id);
    return server !== undefined && JSON.stringify(server.config) === JSON.stringify(config) ? server : undefined;
  }

  #removeServer(id: string): void {
    const old = this.#mcpServers.get(id);
    if (old === undefined) return;
    this.#servers.delete(old.organisationId, old.slug);
    this.#servers.delete(old.organisationId, id);
    this.#mcpServers.delete(id);
  }

  #putGrant(grant: AccessGrant): void {
    this.#removeGrant(grant.id);
    this.#accessGrants.set(grant.id, grant);
    this.#grants.set(grant.apiKeyId, grant.mcpServerId, grant);
  }

  #removeGrant(id: string): void {
    const old = this.#accessGrants.get(id);
    if (old === undefined) return;
    if (this.#grants.get(old.apiKeyId, old.mcpServerId)?.id === id) this.#grants.delete(old.apiKeyId, old.mcpServerId);
    this.#accessGrants.delete(id);
  }

  #putPolicy(policy: PolicyConfig): void {
    this.#removePolicy(policy.id);
    this.#policyConfigs.set(policy.id, policy);
    this.#policies.set(policy.ownerId ?? GLOBAL_OWNER, compilePolicy(policy));
  }

  #removePolicy(id: string): void {
    const old = this.#policyConfigs.get(id);
    if (old === undefined) return;
    this.#policies.delete(old.ownerId ?? GLOBAL_OWNER);
    this.#policyConfigs.delete(id);
  }

  #putLimit(limit: Limit): void {
    this.#removeLimit(limit.id);
    this.#limitConfigs.set(limit.id, limit);
    this.#limits.set(limit.ownerId, [...(this.#limits.get(limit.ownerId) ?? []), limit]);
  }

  #removeLimit(id: string): void {
    const old = this.#limitConfigs.get(id);
    if (old === undefined) return;
    const rest = (this.#limits.get(old.ownerId) ?? []).filter((limit) => limit.id !== id);
    if (rest.length === 0) this.#limits.delete(old.ownerId);
    else this.#limits.set(old.ownerId, rest);
    this.#limitConfigs.delete(id);
  }
}
