/** Compiles the filter of an organisation or a server, and says whose it is when it cannot be used. */
import { compileFilter, type CompiledFilter } from '../../shared/content-filter/compiled-filter.ts';
import type { SemanticFilter } from '../../shared/content-filter/semantic-filter.ts';
import type { OrganisationConfig } from '../../shared/config-document.ts';
import type { BucketMapDraft } from './bucket-map.ts';
import { ConfigFault } from './config-fault.ts';

/** What is wrong with a pattern quotes it, so that goes to this node's log alone. */
export function compileOwnFilter(owner: string, filter: SemanticFilter | null): CompiledFilter | undefined {
  if (filter === null) return undefined;
  try {
    return compileFilter(filter);
  } catch (cause) {
    throw new ConfigFault(`${owner}: semanticFilter cannot be used`, { cause });
  }
}

/** Keeps the filter of an organisation, or forgets it where there is none any more. */
export function putOrganisationFilter(filters: BucketMapDraft<CompiledFilter>, { id, semanticFilter }: OrganisationConfig): void {
  const filter = compileOwnFilter(`organisation ${id}`, semanticFilter);
  if (filter === undefined) filters.delete(id);
  else filters.set(id, filter);
}
