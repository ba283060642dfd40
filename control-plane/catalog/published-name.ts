/** Under which name an entry is published: that of the registry of MCP, or one in a namespace of ours. */
import type { CatalogEntry } from './catalog-entry.ts';

const TRUSTED_NAMESPACE = 'turnpike.trusted';
const PRIVATE_NAMESPACE = 'turnpike.private';

export function publishedName({ registryName, isTrusted, slug }: CatalogEntry): string {
  return registryName ?? `${isTrusted ? TRUSTED_NAMESPACE : PRIVATE_NAMESPACE}/${slug}`;
}

/** In a namespace of ours, where names are made of slugs alone. */
export function isReservedName(registryName: string): boolean {
  return [TRUSTED_NAMESPACE, PRIVATE_NAMESPACE].includes(registryName.split('/')[0] ?? '');
}

/** The slug of what has no other name; undefined for names outside of our namespaces. */
export function slugOfName(name: string): string | undefined {
  return isReservedName(name) ? name.slice(name.indexOf('/') + 1) : undefined;
}
