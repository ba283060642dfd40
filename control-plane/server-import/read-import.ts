/** Reads the files in which servers are passed on: `mcp.json` as Claude, Cursor and VS Code write it, and `server.json` of the registry. */
import { z } from 'zod';
import { parseInput, refuseInput } from '../graphql/input-refused.ts';
import { httpReach, readEntry, stdioReach, type HeaderField, type ImportedReach, type ImportEntry } from './import-entry.ts';

const SERVERS_MAX = 100;
const texts = z.record(z.string(), z.string());

/** Clients name the transport in several ways, or not at all. */
const clientEntrySchema = z.looseObject({
  type: z.enum(['stdio', 'http', 'streamable-http', 'streamableHttp', 'sse']).optional(),
  command: z.string().optional(),
  args: z.array(z.string()).default([]),
  env: texts.default({}),
  url: z.string().optional(),
  headers: texts.default({}),
});
type ClientEntry = z.infer<typeof clientEntrySchema>;

const clientFileSchema = z.looseObject({
  mcpServers: z.record(z.string(), z.unknown()).optional(),
  servers: z.record(z.string(), z.unknown()).optional(),
});

const registryHeaderSchema = z.looseObject({ name: z.string(), value: z.string().optional(), isRequired: z.boolean().default(false) });
const registryFileSchema = z.looseObject({
  name: z.string(),
  title: z.string().optional(),
  description: z.string().nullish(),
  remotes: z
    .array(z.looseObject({ type: z.enum(['streamable-http', 'sse']), url: z.string(), headers: z.array(registryHeaderSchema).default([]) }))
    .default([]),
  packages: z.array(z.looseObject({ identifier: z.string() })).default([]),
});
type RegistryFile = z.infer<typeof registryFileSchema>;

/** Every server in the file; refuses a file of another kind as a whole. */
export function readImport(document: unknown): ImportEntry[] {
  const { mcpServers, servers } = parseInput(clientFileSchema, document, ['document']);
  const entries = Object.entries(mcpServers ?? servers ?? {});
  if (entries.length > SERVERS_MAX) throw refuseInput(['document'], 'TOO_LONG', `at most ${SERVERS_MAX} servers are imported at once`);
  if (entries.length > 0) return entries.map(([name, entry]) => readEntry(name, null, () => reachOfClientEntry(parseInput(clientEntrySchema, entry))));
  const registered = registryFileSchema.safeParse(document);
  if (!registered.success) throw refuseInput(['document'], 'INVALID', 'neither an mcp.json with mcpServers or servers nor a server.json of the registry');
  const { name, title, description } = registered.data;
  return [readEntry(title ?? name.slice(name.lastIndexOf('/') + 1), description ?? null, () => reachOfRegistered(registered.data))];
}

function reachOfClientEntry({ type, command, args, env, url, headers }: ClientEntry): ImportedReach {
  if (url !== undefined && command === undefined) return httpReach(type === 'sse' ? 'SSE' : 'STREAMABLE_HTTP', url, fieldsOf(headers));
  if (command !== undefined && url === undefined) return stdioReach(command, args, fieldsOf(env));
  throw refuseInput(null, 'INVALID', 'a server has either a url or a command');
}

/** The first remote: a package would have to be fetched and run, and which programs run is for the operator to list. */
function reachOfRegistered({ remotes, packages }: RegistryFile): ImportedReach {
  const [remote] = remotes;
  if (remote !== undefined) {
    const missing = remote.headers.find(({ isRequired, value }) => isRequired && value === undefined);
    if (missing !== undefined) throw refuseInput(['headers'], 'REQUIRED', `the header ${missing.name} has no value`, 'add its value, then import again');
    const type = remote.type === 'sse' ? 'SSE' : 'STREAMABLE_HTTP';
    return httpReach(
      type,
      remote.url,
      remote.headers.flatMap(({ name, value }) => (value === undefined ? [] : [{ name, value }])),
    );
  }
  const [offered] = packages;
  if (offered === undefined) throw refuseInput(null, 'INVALID', 'the server has neither a remote nor a package');
  throw refuseInput(
    ['packages'],
    'STDIO_NOT_ALLOWED',
    `the package ${offered.identifier} is not fetched`,
    'have the operator install it and list its command, then make a STDIO server of that',
  );
}

function fieldsOf(values: Readonly<Record<string, string>>): HeaderField[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}
