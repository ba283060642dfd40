/** Makes servers of a file, each by itself: one that is refused holds up no other. */
import { InputRefused, refuseInput } from '../graphql/input-refused.ts';
import type { UserError } from '../graphql/user-error.types.ts';
import type { McpServer } from '../mcp-servers/mcp-server.entity.ts';
import type { McpServersService } from '../mcp-servers/mcp-servers.service.ts';
import { PLAIN_SERVER } from '../mcp-servers/plain-server.ts';
import type { AdminContext } from '../request-context.ts';
import type { ImportEntry } from './import-entry.ts';
import { readImport } from './read-import.ts';

export interface ImportedServer {
  /** As the file has it. */
  readonly name: string;
  readonly server: McpServer | null;
  readonly userErrors: readonly UserError[];
}

export interface ImportTerms {
  readonly document: unknown;
  /** On the public Internet, all of them. */
  readonly isPublic: boolean;
  readonly dryRun: boolean;
}

const FROM_FILE = { source: 'FILE', catalogEntryId: null } as const;

export class ServerImportService {
  readonly #servers: McpServersService;

  constructor(servers: McpServersService) {
    this.#servers = servers;
  }

  /** What is made is not switched on: somebody should look at it first. A dry run answers the same, and makes nothing. */
  async import(context: AdminContext, terms: ImportTerms): Promise<ImportedServer[]> {
    const outcomes: ImportedServer[] = [];
    const slugs = new Set<string>();
    for (const entry of readImport(terms.document)) {
      const outcome = await this.#make(context, entry, { ...terms, slugs });
      if (outcome.server !== null) slugs.add(outcome.server.slug);
      outcomes.push(outcome);
    }
    return outcomes;
  }

  async #make(context: AdminContext, { name, description, reach }: ImportEntry, terms: ImportTerms & { slugs: ReadonlySet<string> }): Promise<ImportedServer> {
    try {
      if (reach instanceof InputRefused) throw reach;
      const server = await this.#servers.create(context, {
        ...PLAIN_SERVER,
        ...reach,
        name,
        description,
        origin: FROM_FILE,
        isPublic: terms.isPublic,
        dryRun: terms.dryRun,
      });
      // In a dry run the one before was taken back, and its slug is free again.
      if (terms.slugs.has(server.slug)) throw refuseInput(['slug'], 'TAKEN', `the slug ${server.slug} is taken`);
      return { name, server, userErrors: [] };
    } catch (error) {
      if (error instanceof InputRefused) return { name, server: null, userErrors: error.userErrors };
      throw error;
    }
  }
}
