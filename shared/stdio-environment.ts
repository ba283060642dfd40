/** The environment of a child process: six harmless variables of ours, and what its server's configuration sets. */

/** What the MCP SDKs let a STDIO server inherit; nothing else of the gateway's environment reaches a child. */
const INHERITED_NAMES = ['HOME', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'USER'] as const;

/** Those that speak of the gateway's own user. */
const USER_NAMES: ReadonlySet<string> = new Set(['HOME', 'LOGNAME', 'USER']);

/** Picks from the gateway's environment what any child may see, whose user may be another. */
export function inheritedEnvironment(environment: Readonly<Record<string, string | undefined>>, isSameUser: boolean): Record<string, string> {
  const inherited: Record<string, string> = {};
  for (const name of INHERITED_NAMES) {
    if (!isSameUser && USER_NAMES.has(name)) continue;
    const value = environment[name];
    // A value that begins like this is a shell function, and some shells run it when they start.
    if (value !== undefined && !value.startsWith('()')) inherited[name] = value;
  }
  return inherited;
}
