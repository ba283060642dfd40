/** The trusted catalogue: the entries that come with the product, judged as they are read. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { catalogDocumentSchema, type CatalogEntry } from './catalog-entry.ts';

const fileSchema = z.strictObject({
  /** When somebody last looked at all of them. */
  checkedAt: z.iso.datetime(),
  entries: z.array(catalogDocumentSchema),
});

export class TrustedCatalogue {
  /** In the order of slugs. */
  readonly entries: readonly CatalogEntry[];

  /** Throws, naming every fault, when the text is no catalogue. */
  constructor(text: string) {
    const { checkedAt, entries } = fileSchema.parse(JSON.parse(text));
    const at = new Date(checkedAt);
    this.entries = entries
      .map((document) => ({ ...document, id: `cat_${document.slug}`, isTrusted: true, revision: 1, createdAt: at, updatedAt: at }))
      .toSorted((one, other) => (one.slug < other.slug ? -1 : 1));
    if (new Set(this.entries.map(({ slug }) => slug)).size < entries.length) throw new Error('two entries of the trusted catalogue have one slug');
  }

  static read(): TrustedCatalogue {
    return new TrustedCatalogue(readFileSync(new URL('trusted-catalogue.json', import.meta.url), 'utf8'));
  }

  find(id: string): CatalogEntry | undefined {
    return this.entries.find((entry) => entry.id === id);
  }
}
