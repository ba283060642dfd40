/** The configuration as entities, and how changes make the next one from it; what did not change is shared between the two. */
import type { EntityKind, EntityOf } from '../../shared/config-document.ts';
import type { Snapshot } from './snapshot.ts';

type Entities = { readonly [Kind in EntityKind]: ReadonlyMap<string, EntityOf<Kind>> };

export interface ConfigState {
  readonly entities: Entities;
  readonly snapshot: Snapshot;
}

export const EMPTY_STATE: ConfigState = {
  entities: { organisation: new Map(), apiKey: new Map(), mcpServer: new Map(), accessGrant: new Map(), policy: new Map(), limit: new Map() },
  snapshot: { version: '0', organisations: new Map(), keysByHash: new Map(), servers: new Map(), grants: new Map(), policies: new Map(), limits: new Map() },
};

/** Every entity as an upsert, for the file on disk. */
export function* upsertsOf(state: ConfigState): Generator<unknown> {
  for (const [kind, entities] of Object.entries(state.entities)) {
    for (const value of entities.values()) yield { op: 'upsert', kind, value };
  }
}
