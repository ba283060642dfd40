/** The configuration as entities, and the snapshot that was compiled from them; whatever did not change is shared from one state to the next. */
import type { AccessGrant } from '../../shared/access-grant.ts';
import type { Agent } from '../../shared/agent.ts';
import type { ApiKey } from '../../shared/api-key.ts';
import type { ConfigUpsert, EntityKind, EntityOf, OrganisationConfig } from '../../shared/config-document.ts';
import type { CompiledFilter } from '../../shared/content-filter/compiled-filter.ts';
import type { Limit } from '../../shared/limit.ts';
import type { CompiledPolicy } from '../policies/compiled-policy.ts';
import { BucketMap } from './bucket-map.ts';
import type { ReadyToken } from '../upstream-auth/ready-token.ts';
import type { GovernedServer } from './governed-server.ts';
import type { NestedMap } from './nested-map-draft.ts';
import type { KeyMatch, Snapshot } from './snapshot.ts';

export type Entities = { readonly [Kind in EntityKind]: BucketMap<EntityOf<Kind>> };

/** The snapshot in maps that can be changed by copy. */
export interface SharedSnapshot extends Snapshot {
  readonly organisations: BucketMap<OrganisationConfig>;
  readonly organisationFilters: BucketMap<CompiledFilter>;
  readonly keys: BucketMap<ApiKey>;
  readonly keysByHash: BucketMap<KeyMatch>;
  readonly servers: NestedMap<GovernedServer>;
  readonly grants: NestedMap<AccessGrant>;
  readonly policies: BucketMap<CompiledPolicy>;
  readonly limits: BucketMap<readonly Limit[]>;
  readonly upstreamTokens: NestedMap<ReadyToken>;
  readonly agents: NestedMap<Agent>;
}

export interface ConfigState {
  readonly entities: Entities;
  readonly snapshot: SharedSnapshot;
}

export const EMPTY_STATE: ConfigState = {
  entities: {
    organisation: new BucketMap(),
    apiKey: new BucketMap(),
    mcpServer: new BucketMap(),
    accessGrant: new BucketMap(),
    policy: new BucketMap(),
    limit: new BucketMap(),
    upstreamToken: new BucketMap(),
    installation: new BucketMap(),
    agent: new BucketMap(),
  },
  snapshot: {
    version: '0',
    organisations: new BucketMap(),
    organisationFilters: new BucketMap(),
    keys: new BucketMap(),
    keysByHash: new BucketMap(),
    servers: new BucketMap(),
    grants: new BucketMap(),
    policies: new BucketMap(),
    limits: new BucketMap(),
    upstreamTokens: new BucketMap(),
    tokenHashKey: undefined,
    agents: new BucketMap(),
  },
};

/** Every entity as an upsert, for the file on disk. */
export function* upsertsOf({ entities }: ConfigState): Generator<ConfigUpsert> {
  for (const value of entities.installation.values()) yield { op: 'upsert', kind: 'installation', value };
  for (const value of entities.organisation.values()) yield { op: 'upsert', kind: 'organisation', value };
  for (const value of entities.apiKey.values()) yield { op: 'upsert', kind: 'apiKey', value };
  for (const value of entities.mcpServer.values()) yield { op: 'upsert', kind: 'mcpServer', value };
  for (const value of entities.accessGrant.values()) yield { op: 'upsert', kind: 'accessGrant', value };
  for (const value of entities.policy.values()) yield { op: 'upsert', kind: 'policy', value };
  for (const value of entities.limit.values()) yield { op: 'upsert', kind: 'limit', value };
  for (const value of entities.upstreamToken.values()) yield { op: 'upsert', kind: 'upstreamToken', value };
  for (const value of entities.agent.values()) yield { op: 'upsert', kind: 'agent', value };
}
