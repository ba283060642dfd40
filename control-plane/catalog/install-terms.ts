/** Fills the defaults into the API's inputs on installs. */
import type { InstallTerms } from './catalog-install.service.ts';
import type { InstallTermsInput } from './install.types.ts';

export function toTerms(input: Partial<InstallTermsInput>): InstallTerms {
  return {
    name: input.name ?? null,
    slug: input.slug ?? null,
    auth: input.auth ?? null,
    variables: input.variables ?? [],
    scope: input.scope ?? null,
    grantTo: input.grantTo ?? [],
    enabled: input.enabled ?? false,
  };
}
