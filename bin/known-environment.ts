/** Every variable of the environment that Turnpike knows, and the check that nobody misspelt one of its own. */

export interface KnownVariable {
  readonly name: string;
  readonly fallback: string;
  readonly meaning: string;
}

export const KNOWN_VARIABLES: readonly KnownVariable[] = [
  { name: 'CONTROL_PLANE_PORT', fallback: '4000', meaning: 'port of GraphQL, graphql-ws and health' },
  { name: 'DATA_PLANE_PORT', fallback: '8080', meaning: 'port of the gateway' },
  { name: 'TURNPIKE_HOST', fallback: '127.0.0.1', meaning: 'address to listen on' },
  { name: 'TURNPIKE_DATA_DIR', fallback: './.turnpike', meaning: 'admin token, setup link, embedded database, last known good configuration' },
  { name: 'TURNPIKE_SECRET_KEY', fallback: 'made on first start (standalone)', meaning: 'seals secrets and hashes tokens; at least 32 random bytes in base64' },
  { name: 'TURNPIKE_OLD_SECRET_KEYS', fallback: '–', meaning: 'secret keys that were in use before, with commas between; read with, never sealed with' },
  { name: 'TURNPIKE_LOG_LEVEL', fallback: 'info (standalone: warn)', meaning: 'trace, debug, info, warn, error, fatal or silent' },
  { name: 'TURNPIKE_GATEWAY_URL', fallback: 'http://127.0.0.1:<DATA_PLANE_PORT>', meaning: 'where agents reach the gateway, as the API shows it' },
  {
    name: 'CONTROL_PLANE_PUBLIC_URL',
    fallback: 'where it listens',
    meaning: 'https://<control plane>, where browsers come back to from a sign-in to an MCP server, at /oauth/callback',
  },
  { name: 'TURNPIKE_STDIO_ALLOWLIST', fallback: 'nothing allowed', meaning: 'file of the programs that STDIO servers may run' },
  { name: 'TURNPIKE_GLOBAL_POLICY', fallback: 'as it is', meaning: 'file of the policy that holds for every organisation' },
  { name: 'TURNPIKE_STDIO_USER', fallback: 'that of the gateway', meaning: 'user and group id of STDIO servers, as in 1001:1001; needs root' },
  { name: 'DATABASE_URL', fallback: 'embedded PostgreSQL (standalone)', meaning: 'PostgreSQL of the control plane' },
  { name: 'REDIS_URL', fallback: 'in-process counters (standalone)', meaning: 'counters and usage stream' },
  { name: 'CONTROL_PLANE_URL', fallback: '–', meaning: 'where a data plane gets its configuration' },
  { name: 'DATA_PLANE_TOKEN', fallback: '–', meaning: 'tpd_…; the control plane accepts it, the data plane presents it' },
  { name: 'RECONCILIATION_SECONDS', fallback: '60', meaning: 'how often counters, records and sums are compared' },
  { name: 'GRAPHQL_INTROSPECTION', fallback: 'administrators', meaning: 'who may read the schema through the API: administrators, anyone or nobody' },
  { name: 'OIDC_ISSUER', fallback: '–', meaning: 'identity provider with which people sign in' },
  { name: 'OIDC_CLIENT_ID', fallback: '–', meaning: 'what the identity provider knows the control plane as' },
  { name: 'OIDC_CLIENT_SECRET', fallback: 'a public client', meaning: 'its secret there' },
  { name: 'OIDC_REDIRECT_URL', fallback: '–', meaning: 'https://<control plane>/v1/sign-in/callback, as registered there' },
  { name: 'USAGE_RETENTION_DAYS', fallback: 'for ever', meaning: 'days for which usage records are kept at least' },
  { name: 'UPSTREAM_PRIVATE_CIDRS', fallback: 'all', meaning: 'where servers that are not public may live' },
  {
    name: 'DATA_PLANE_ALLOWED_HOSTS',
    fallback: 'over loopback its own names, else any',
    meaning: 'host names by which requests may call the gateway, separated by commas',
  },
  { name: 'DATA_PLANE_NODE_URL', fallback: '–', meaning: 'http://host:port at which the other data planes reach this one' },
  { name: 'DATA_PLANE_REGION', fallback: '–', meaning: 'where this data plane runs, as `dataPlanes` shows it' },
  { name: 'DATA_PLANE_MAX_CONCURRENT_REQUESTS', fallback: '10000', meaning: 'requests that one data plane works on at once' },
];

const KNOWN_NAMES = KNOWN_VARIABLES.map(({ name }) => name);
/** Of `demo.env`, for the programs that call the gateway: Turnpike itself reads neither, but may be started with them around. */
const CLIENT_NAMES = ['TURNPIKE_API_KEY', 'TURNPIKE_GRAPHQL_URL'];
const OWN_PREFIX = 'TURNPIKE_';

type Environment = Readonly<Record<string, string | undefined>>;

/** A known variable that is set to nothing is one that is not set: so a file that leaves a value open means the default, not port 0. */
export function withoutEmpty(environment: Environment): Environment {
  const names = KNOWN_NAMES.filter((name) => environment[name] === '');
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !names.includes(name)));
}

/** A sentence for each variable with our prefix that is not ours, with the nearest that is. */
export function unknownVariables(environment: Environment): string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith(OWN_PREFIX) && !KNOWN_NAMES.includes(name) && !CLIENT_NAMES.includes(name))
    .map((name) => `${name} is not a variable of Turnpike: did you mean ${nearestName(name, KNOWN_NAMES)}?`);
}

/** The name that takes the fewest edits, our prefix aside: not every variable has it. Of two that take as many, the first. */
export function nearestName(given: string, names: readonly string[]): string | undefined {
  const distances = names.map((name) => ({ name, distance: editDistance(withoutPrefix(given), withoutPrefix(name)) }));
  return distances.toSorted((left, right) => left.distance - right.distance)[0]?.name;
}

function withoutPrefix(name: string): string {
  return name.startsWith(OWN_PREFIX) ? name.slice(OWN_PREFIX.length) : name;
}

/** How many characters must be inserted, deleted or replaced to make one text of the other (Levenshtein). */
export function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = at(previous, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, at(previous, column) + 1, at(current, column - 1) + 1));
    }
    previous = current;
  }
  return at(previous, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? 0;
}
