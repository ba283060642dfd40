/** An entry as `server.json` of the MCP registry has it, with its variables as inputs. */
import type { CatalogEntry, CatalogReach, CatalogVariable } from './catalog-entry.ts';
import { variablesIn } from './entry-templates.ts';
import { publishedName } from './published-name.ts';

const SERVER_JSON_SCHEMA = 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json';

const TRANSPORT_NAMES = { STREAMABLE_HTTP: 'streamable-http', SSE: 'sse' } as const;

export function toServerJson(entry: CatalogEntry): Readonly<Record<string, unknown>> {
  return {
    $schema: SERVER_JSON_SCHEMA,
    name: publishedName(entry),
    title: entry.title,
    description: entry.description,
    version: entry.serverVersion,
    ...(entry.websiteUrl === null ? {} : { websiteUrl: entry.websiteUrl }),
    ...(entry.iconUrl === null ? {} : { icons: [{ src: entry.iconUrl }] }),
    ...reachOf(entry.reach, entry),
  };
}

function reachOf(reach: CatalogReach, { variables, serverVersion }: CatalogEntry): Readonly<Record<string, unknown>> {
  if (reach.kind === 'remote') {
    const headers = reach.headers.map((header) => named(header, variables));
    return {
      remotes: [{ type: TRANSPORT_NAMES[reach.transport], url: reach.url, ...(headers.length === 0 ? {} : { headers }), ...inputsOf(reach.url, variables) }],
    };
  }
  const positional = reach.arguments.map((value) => ({ type: 'positional', value, ...inputsOf(value, variables) }));
  const environment = reach.environment.map((variable) => named(variable, variables));
  return {
    packages: [
      {
        registryType: 'npm',
        identifier: reach.identifier,
        version: serverVersion,
        runtimeHint: 'npx',
        transport: { type: 'stdio' },
        ...(positional.length === 0 ? {} : { packageArguments: positional }),
        ...(environment.length === 0 ? {} : { environmentVariables: environment }),
      },
    ],
  };
}

function named({ name, value }: { name: string; value: string }, variables: readonly CatalogVariable[]): Readonly<Record<string, unknown>> {
  const within = variables.filter((variable) => variablesIn(value).includes(variable.name));
  return {
    name,
    value,
    isRequired: within.every(({ isRequired }) => isRequired),
    isSecret: within.some(({ isSecret }) => isSecret),
    ...inputsOf(value, variables),
  };
}

function inputsOf(template: string, variables: readonly CatalogVariable[]): { variables?: Readonly<Record<string, unknown>> } {
  const within = variables.filter(({ name }) => variablesIn(template).includes(name));
  if (within.length === 0) return {};
  const inputs = within.map(({ name, description, isRequired, isSecret, default: otherwise }) => [
    name,
    { description, isRequired, isSecret, ...(otherwise === null ? {} : { default: otherwise }) },
  ]);
  return { variables: Object.fromEntries(inputs) };
}
