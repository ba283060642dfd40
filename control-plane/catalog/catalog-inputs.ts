/** Fills the defaults into the API's inputs on entries. What comes of it is judged by the schema of entries. */
import { readSlug } from '../graphql/slug.ts';
import type { CatalogReachInput, CreateCatalogEntryInput, UpdateCatalogEntryInput } from './catalog-inputs.types.ts';

export function toDocument({ dryRun: _dryRun, version, slug, ...input }: CreateCatalogEntryInput): unknown {
  return {
    ...input,
    slug: readSlug(slug ?? null, input.title),
    serverVersion: version,
    iconUrl: input.iconUrl ?? null,
    websiteUrl: input.websiteUrl ?? null,
    registryName: input.registryName ?? null,
    reach: toReach(input.reach),
    variables: (input.variables ?? []).map(withDefault),
  };
}

/** Null empties what may be empty, and changes nothing else. */
export function toChanges({
  id: _id,
  expectedVersion: _expectedVersion,
  dryRun: _dryRun,
  version,
  reach,
  variables,
  ...input
}: UpdateCatalogEntryInput): object {
  const { iconUrl, websiteUrl, registryName, ...rest } = input;
  const given = Object.entries({ ...rest, serverVersion: version }).filter(([, value]) => value != null);
  const emptied = Object.entries({ iconUrl, websiteUrl, registryName }).filter(([, value]) => value !== undefined);
  return {
    ...Object.fromEntries([...given, ...emptied]),
    ...(reach == null ? {} : { reach: toReach(reach) }),
    ...(variables == null ? {} : { variables: variables.map(withDefault) }),
  };
}

function toReach({ remote, package: program }: CatalogReachInput): unknown {
  if (remote != null)
    return {
      kind: 'remote',
      transport: remote.transport,
      url: remote.url,
      isPublic: remote.isPublic,
      headers: remote.header == null ? [] : [{ ...remote.header }],
    };
  return {
    kind: 'package',
    identifier: program?.identifier,
    arguments: program?.arguments ?? [],
    environment: (program?.environment ?? []).map((entry) => ({ ...entry })),
  };
}

function withDefault<Variable extends { default: string | null }>(variable: Variable): Variable {
  return { ...variable, default: variable.default ?? null };
}
