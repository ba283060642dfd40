/** Turns an entry into a server: its variables filled in where they stand, and its package found among the programs that the operator lists. */
import type { StdioAllowlist } from '../../shared/stdio-allowlist.ts';
import { refuseInput } from '../graphql/input-refused.ts';
import type { AuthInput, SecretEntry } from '../mcp-servers/server-secrets.ts';
import { authOf, type ImportedReach } from '../server-import/import-entry.ts';
import type { CatalogEntry, CatalogReach } from './catalog-entry.ts';
import { fillTemplate, variablesIn } from './entry-templates.ts';

export interface Filling {
  readonly variables: readonly SecretEntry[];
  /** In the place of what the entry’s own header would say. */
  readonly auth: AuthInput | null;
}

type RemoteReach = Extract<CatalogReach, { kind: 'remote' }>;
type PackageReach = Extract<CatalogReach, { kind: 'package' }>;

/** Part of a host or of a path, and nothing that would lead elsewhere, as dots alone would. */
const URL_PART = /^(?!\.+$)[A-Za-z0-9._~-]{1,253}$/;

export function fillEntry(entry: CatalogEntry, { variables, auth }: Filling, allowlist: StdioAllowlist): ImportedReach {
  const { reach } = entry;
  const isSignedIn = auth !== null;
  const values = valuesOf(entry, variables, isSignedIn);
  return reach.kind === 'remote' ? fillRemote(reach, values, auth) : fillPackage(reach, values, { auth, allowlist });
}

/** Each variable’s value, or its default. What signs in otherwise needs nothing that only stands in the header. */
function valuesOf(entry: CatalogEntry, given: readonly SecretEntry[], isSignedIn: boolean): Map<string, string> {
  const { reach, variables } = entry;
  const inHeader = reach.kind === 'remote' ? new Set(reach.headers.flatMap(({ value }) => variablesIn(value))) : new Set<string>();
  const values = new Map<string, string>();
  for (const { name, value } of given) {
    if (!variables.some((variable) => variable.name === name)) throw refuseInput(['variables'], 'UNKNOWN_FIELD', `the entry has no variable ${name}`);
    if (values.has(name)) throw refuseInput(['variables'], 'INVALID', `${name} is given twice`);
    if (isSignedIn && inHeader.has(name)) throw refuseInput(['variables'], 'CONFLICT', `${name} signs in, and so does auth`, 'give one of the two');
    values.set(name, value);
  }
  for (const { name, isRequired, default: otherwise } of variables) {
    if (values.has(name)) continue;
    if (otherwise !== null) values.set(name, otherwise);
    else if (isRequired && !(isSignedIn && inHeader.has(name))) throw refuseInput(['variables'], 'REQUIRED', `the variable ${name} is needed`);
  }
  return values;
}

function fillRemote({ transport, url, headers }: RemoteReach, values: ReadonlyMap<string, string>, auth: AuthInput | null): ImportedReach {
  for (const name of variablesIn(url))
    if (!URL_PART.test(values.get(name) ?? ''))
      throw refuseInput(['variables'], 'INVALID', `${name} is part of the URL: letters, digits and . _ ~ - may stand there, and not dots alone`);
  const filled = headers.flatMap(({ name, value: template }) => {
    const value = fillTemplate(template, values);
    return value === undefined ? [] : [{ name, value }];
  });
  return {
    transport,
    endpointUrl: fillTemplate(url, values) ?? null,
    stdioCommand: null,
    stdioArgs: [],
    stdioEnv: [],
    auth: auth ?? authOf(filled),
  };
}

/** What has no value is left out, argument or variable. */
function fillPackage(
  reach: PackageReach,
  values: ReadonlyMap<string, string>,
  { auth, allowlist }: { auth: AuthInput | null; allowlist: StdioAllowlist },
): ImportedReach {
  const launch = allowlist.launchOfPackage(reach.identifier);
  if (launch === undefined)
    throw refuseInput(
      ['entryId'],
      'STDIO_NOT_ALLOWED',
      `the operator’s STDIO allow-list names no program for the package ${reach.identifier}`,
      'have the operator install it, and list it with npmPackage in the file that TURNPIKE_STDIO_ALLOWLIST names',
    );
  const own = reach.arguments.flatMap((template) => fillTemplate(template, values) ?? []);
  const stdioEnv = reach.environment.flatMap(({ name, value: template }) => {
    const value = fillTemplate(template, values);
    return value === undefined ? [] : [{ name, value }];
  });
  return { transport: 'STDIO', endpointUrl: null, stdioCommand: launch.command, stdioArgs: [...launch.args, ...own], stdioEnv, auth };
}
