/** The trusted catalogue holds real servers, each told whole, and nothing that could not be installed. */
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { catalogDocumentSchema, type CatalogDocument } from '../../../control-plane/catalog/catalog-entry.ts';
import { publishedName } from '../../../control-plane/catalog/published-name.ts';
import { toServerJson } from '../../../control-plane/catalog/server-json.ts';
import { TrustedCatalogue } from '../../../control-plane/catalog/trusted-catalogue.ts';

const { entries } = TrustedCatalogue.read();
const manifestSchema = z.object({ name: z.string(), version: z.string(), bin: z.record(z.string(), z.string()), mcpName: z.string() });
const [first] = entries;

/** A valid document, changed. */
function documentWith(changes: object): unknown {
  const { id: _id, isTrusted: _isTrusted, revision: _revision, createdAt: _createdAt, updatedAt: _updatedAt, ...document } = { ...first };
  return { ...document, ...changes };
}

const faultsOf = (changes: object) => catalogDocumentSchema.safeParse(documentWith(changes)).error?.issues.map(({ message }) => message) ?? [];
const remote = (given: object): Partial<CatalogDocument>['reach'] => ({
  kind: 'remote',
  transport: 'STREAMABLE_HTTP',
  url: 'https://example.com/mcp',
  isPublic: true,
  headers: [],
  ...given,
});
const variable = (given: object) => ({ name: 'token', description: 'A token', isRequired: true, isSecret: true, default: null, ...given });

test('there are at least 25 of them, each once, under names that say where they belong', () => {
  expect(entries.length).toBeGreaterThanOrEqual(25);
  for (const field of ['slug', 'id', 'title'] as const) expect(new Set(entries.map((entry) => entry[field])).size).toBe(entries.length);
  expect(new Set(entries.map(publishedName)).size).toBe(entries.length);
});

test('what is reached over HTTP is on the public Internet, over TLS', () => {
  for (const { slug, reach } of entries)
    if (reach.kind === 'remote') expect([slug, reach.isPublic, reach.url.startsWith('https://')]).toEqual([slug, true, true]);
});

test.each(
  entries.flatMap(({ slug, reach, serverVersion, registryName }) =>
    reach.kind === 'package' ? [[slug, reach.identifier, serverVersion, registryName] as const] : [],
  ),
)('%s is the package %s, in that version', (_slug, identifier, version, registryName) => {
  const manifest = manifestSchema.parse(createRequire(import.meta.url)(`${identifier}/package.json`));
  expect(manifest).toMatchObject({ name: identifier, version, mcpName: registryName });
});

describe('an entry is refused', () => {
  test.each([
    ['when a placeholder is not declared', { reach: remote({ url: 'https://{host}/mcp' }), variables: [] }, '{host} is not declared'],
    ['when a variable stands nowhere', { reach: remote({}), variables: [variable({})] }, 'token stands nowhere'],
    ['when a secret stands in the URL', { reach: remote({ url: 'https://example.com/{token}' }), variables: [variable({})] }, 'token is a secret, and URLs'],
    [
      'when part of the URL may be missing',
      { reach: remote({ url: 'https://{token}/mcp' }), variables: [variable({ isSecret: false, isRequired: false })] },
      'token stands in the URL, and so is required',
    ],
    ['when its URL is none', { reach: remote({ url: 'ftp://example.com' }), variables: [] }, 'not an http or https URL'],
    ['when its URL holds credentials', { reach: remote({ url: 'https://me:word@example.com' }), variables: [] }, 'not an http or https URL'],
    [
      'when a secret has a default',
      { reach: remote({ headers: [{ name: 'X-Key', value: '{token}' }] }), variables: [variable({ default: 'x' })] },
      'token is a secret, and has no default',
    ],
    ['when its name in the registry is none', { registryName: 'no-slash' }, 'not of the form namespace/name'],
  ])('%s', (_when, changes, fault) => {
    expect(faultsOf(changes).join()).toContain(fault);
  });

  test('and with it the whole catalogue, at the start', () => {
    const text = JSON.stringify({ checkedAt: '2026-01-01T00:00:00Z', entries: [documentWith({ slug: 'No_Slug' })] });
    expect(() => new TrustedCatalogue(text)).toThrow('slug');
    const twice = JSON.stringify({ checkedAt: '2026-01-01T00:00:00Z', entries: [documentWith({}), documentWith({ title: 'Other' })] });
    expect(() => new TrustedCatalogue(twice)).toThrow('one slug');
  });
});

test('as server.json each has what the registry’s format asks for', () => {
  const inputs = z.record(z.string(), z.object({ description: z.string(), isRequired: z.boolean(), isSecret: z.boolean() })).optional();
  const named = z.array(z.object({ name: z.string(), value: z.string(), variables: inputs })).optional();
  const schema = z.object({
    $schema: z.literal('https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json'),
    name: z
      .string()
      .min(3)
      .max(200)
      .regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/),
    title: z.string().max(100),
    description: z.string().min(1).max(100),
    version: z.string().max(255),
    remotes: z.array(z.object({ type: z.enum(['streamable-http', 'sse']), url: z.string(), headers: named, variables: inputs })).optional(),
    packages: z.array(z.object({ registryType: z.literal('npm'), identifier: z.string(), version: z.string(), environmentVariables: named })).optional(),
  });
  for (const entry of entries) expect(schema.safeParse(toServerJson(entry)).error, entry.slug).toBeUndefined();
});
