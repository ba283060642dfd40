/** Fills the defaults into the API's inputs on servers; null where a client sent it counts as not given. */
import { MADE_BY_HAND, type CreateServerInput, type UpdateServerInput } from './mcp-server.inputs.ts';
import type { CreateServerInputType, UpdateServerInputType } from './server-inputs.types.ts';

export function toCreateInput(input: CreateServerInputType): CreateServerInput {
  return {
    name: input.name,
    slug: input.slug ?? null,
    description: input.description ?? null,
    transport: input.transport,
    endpointUrl: input.endpointUrl ?? null,
    stdioCommand: input.stdioCommand ?? null,
    stdioArgs: input.stdioArgs ?? [],
    stdioEnv: input.stdioEnv ?? [],
    stdioIsolation: input.stdioIsolation ?? null,
    auth: input.auth ?? null,
    oauthRequired: input.oauthRequired ?? false,
    enabled: input.enabled,
    isPublic: input.isPublic,
    scope: input.scope ?? null,
    allowedTools: input.allowedTools ?? [],
    blockedTools: input.blockedTools ?? [],
    pricing: input.pricing ?? null,
    semanticFilter: input.semanticFilter ?? null,
    policy: input.policy ?? null,
    denialStyle: input.denialStyle ?? null,
    limits: input.limits ?? null,
    grantTo: input.grantTo ?? [],
    metadata: input.metadata ?? {},
    origin: MADE_BY_HAND,
    dryRun: input.dryRun,
  };
}

/** Of the columns that may be empty, null empties them; everywhere else it changes nothing. */
export function toUpdateInput(input: UpdateServerInputType): UpdateServerInput {
  return {
    id: input.id,
    expectedVersion: input.expectedVersion ?? null,
    dryRun: input.dryRun,
    stdioEnvSet: input.stdioEnvSet ?? [],
    stdioEnvUnset: input.stdioEnvUnset ?? [],
    ...(input.slug == null ? {} : { slug: input.slug }),
    ...(input.scope == null ? {} : { scope: input.scope }),
    ...(input.limits === undefined ? {} : { limits: input.limits }),
    changes: {
      ...(input.name == null ? {} : { name: input.name }),
      ...(input.description === undefined ? {} : { description: input.description }),
      ...(input.endpointUrl === undefined ? {} : { endpointUrl: input.endpointUrl }),
      ...(input.stdioCommand === undefined ? {} : { stdioCommand: input.stdioCommand }),
      ...(input.stdioArgs == null ? {} : { stdioArgs: input.stdioArgs }),
      ...(input.stdioIsolation == null ? {} : { stdioIsolation: input.stdioIsolation }),
      ...(input.isPublic == null ? {} : { isPublic: input.isPublic }),
      ...(input.oauthRequired == null ? {} : { oauthRequired: input.oauthRequired }),
      ...(input.denialStyle == null ? {} : { denialStyle: input.denialStyle }),
      ...(input.metadata == null ? {} : { metadata: input.metadata }),
    },
  };
}
