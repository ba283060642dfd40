/** The templates of an entry, in which `{name}` stands for a variable: what may stand where, and how they are filled. */
import type { CatalogReach, CatalogVariable } from './catalog-entry.ts';

export interface TemplateFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

type Templated = { readonly reach: CatalogReach; readonly variables: readonly CatalogVariable[] };

const PLACEHOLDER = /\{([a-z][a-z0-9_]*)\}/g;

export function variablesIn(template: string): string[] {
  return [...template.matchAll(PLACEHOLDER)].flatMap(([, name]) => name ?? []);
}

/** Undefined when a variable that stands in it has no value. */
export function fillTemplate(template: string, values: ReadonlyMap<string, string>): string | undefined {
  if (variablesIn(template).some((name) => !values.has(name))) return undefined;
  return template.replaceAll(PLACEHOLDER, (_, name: string) => values.get(name) ?? '');
}

/** Why the templates and variables do not fit each other; none when they do. */
export function faultsOfTemplates({ reach, variables }: Templated): TemplateFault[] {
  const known = new Map(variables.map((variable) => [variable.name, variable]));
  const clear = clearTemplates(reach);
  const used = new Set([...clear, ...sealedTemplates(reach)].flatMap(variablesIn));
  const inUrl = new Set(reach.kind === 'remote' ? variablesIn(reach.url) : []);
  const shown = new Set(clear.flatMap(variablesIn));
  const faults: TemplateFault[] = variables.flatMap((variable, index) =>
    faultsOfVariable(variable, { isUsed: used.has(variable.name), isShown: shown.has(variable.name), isInUrl: inUrl.has(variable.name) }).map((message) => ({
      path: ['variables', index],
      message,
    })),
  );
  if (known.size < variables.length) faults.push({ path: ['variables'], message: 'a variable is declared twice' });
  for (const name of used) if (!known.has(name)) faults.push({ path: ['variables'], message: `{${name}} is not declared` });
  if (reach.kind === 'remote' && !isHttpUrl(reach.url)) faults.push({ path: ['reach', 'url'], message: 'not an http or https URL' });
  return faults;
}

/** What is stored and shown as it is. */
function clearTemplates(reach: CatalogReach): string[] {
  return reach.kind === 'remote' ? [reach.url] : [...reach.arguments];
}

/** What is sealed once it is filled in. */
function sealedTemplates(reach: CatalogReach): string[] {
  return (reach.kind === 'remote' ? reach.headers : reach.environment).map(({ value }) => value);
}

function faultsOfVariable(variable: CatalogVariable, { isUsed, isShown, isInUrl }: { isUsed: boolean; isShown: boolean; isInUrl: boolean }): string[] {
  const { name, isSecret, isRequired } = variable;
  return [
    ...(isUsed ? [] : [`${name} stands nowhere`]),
    ...(isSecret && isShown ? [`${name} is a secret, and URLs and arguments are kept in the clear`] : []),
    ...(isSecret && variable.default !== null ? [`${name} is a secret, and has no default`] : []),
    ...(isInUrl && !isRequired && variable.default === null ? [`${name} stands in the URL, and so is required or has a default`] : []),
  ];
}

function isHttpUrl(template: string): boolean {
  const url = URL.parse(template.replaceAll(PLACEHOLDER, 'x'));
  return (url?.protocol === 'https:' || url?.protocol === 'http:') && url.username === '' && url.password === '';
}
