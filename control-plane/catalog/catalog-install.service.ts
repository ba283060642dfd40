/** Makes servers of catalogue entries, by the rules that hold for every server. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { StdioAllowlist } from '../../shared/stdio-allowlist.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { notFound, refuseInput } from '../graphql/input-refused.ts';
import type { McpServer } from '../mcp-servers/mcp-server.entity.ts';
import type { CreateServerInput } from '../mcp-servers/mcp-server.inputs.ts';
import type { McpServersService } from '../mcp-servers/mcp-servers.service.ts';
import { PLAIN_SERVER } from '../mcp-servers/plain-server.ts';
import type { AdminContext } from '../request-context.ts';
import type { CatalogEntry } from './catalog-entry.ts';
import type { CatalogService } from './catalog.service.ts';
import { fillEntry, type Filling } from './fill-entry.ts';

/** How whoever installs wants it; names are those of the entry when not given. */
export interface InstallTerms extends Filling {
  readonly name: string | null;
  readonly slug: string | null;
  readonly scope: CreateServerInput['scope'];
  readonly grantTo: readonly string[];
  readonly enabled: boolean;
}

export class CatalogInstallService {
  readonly #catalog: CatalogService;
  readonly #servers: McpServersService;
  readonly #allowlist: StdioAllowlist;

  constructor(parts: { catalog: CatalogService; servers: McpServersService; allowlist: StdioAllowlist }) {
    this.#catalog = parts.catalog;
    this.#servers = parts.servers;
    this.#allowlist = parts.allowlist;
  }

  install(context: AdminContext, entryId: string, terms: InstallTerms & { readonly dryRun: boolean }): Promise<McpServer> {
    return inTransaction(context.em, terms, (em) => this.installWithin(em, context, entryId, terms));
  }

  /** Within the caller's transaction. */
  async installWithin(em: EntityManager, context: AdminContext, entryId: string, terms: InstallTerms): Promise<McpServer> {
    const entry = await this.#catalog.find(em, entryId);
    if (entry === null) throw notFound('entryId', 'catalogue entry');
    const reach = fillEntry(entry, terms, this.#allowlist);
    const input: CreateServerInput = {
      ...PLAIN_SERVER,
      ...reach,
      name: terms.name ?? entry.title,
      slug: terms.slug ?? entry.slug,
      description: entry.description,
      isPublic: entry.reach.kind === 'remote' && entry.reach.isPublic,
      oauthRequired: demandsOauth(entry, reach.auth),
      scope: terms.scope,
      grantTo: terms.grantTo,
      enabled: terms.enabled,
      origin: { source: 'CATALOG', catalogEntryId: entry.id },
      dryRun: false,
    };
    return this.#servers.createWithin(em, context, input, 'installCatalogEntry');
  }
}

/** What nobody is signed in to yet, and has to be, waits for OAuth 2 where the server takes that. */
function demandsOauth({ authTypes }: CatalogEntry, auth: CreateServerInput['auth']): boolean {
  const isSignedIn = auth !== null && auth.none !== true;
  if (isSignedIn || authTypes.includes('NONE')) return false;
  if (authTypes.includes('OAUTH2')) return true;
  throw refuseInput(['auth'], 'REQUIRED', `the server has to be signed in to: ${authTypes.join(', ')}`, 'give auth, or the variables that sign in');
}
