/** What the standalone mode shows when it is ready: where everything is, the key, and calls to try. */

/** Closed is one whose key does not open its server, as an operator may have wished. */
export type Demo = { readonly kind: 'open'; readonly apiKey: string } | { readonly kind: 'absent' } | { readonly kind: 'closed' };

export interface WelcomeFacts {
  readonly version: string;
  readonly graphqlUrl: string;
  readonly gatewayUrl: string;
  readonly demo: Demo;
  /** Undefined when a person administers the organisation already. */
  readonly setupLink: string | undefined;
  readonly demoFile: string;
  /** Undefined where it is the default, so that other commands find it without being told. */
  readonly dataDirectory: string | undefined;
  readonly isDatabaseEmbedded: boolean;
  readonly areCountersInProcess: boolean;
  readonly isLoopback: boolean;
}

export function welcome(facts: WelcomeFacts): string {
  const { version, graphqlUrl, gatewayUrl } = facts;
  const head = ['', `  Turnpike ${version.padEnd(48)} development mode`, '', `  GraphQL   ${graphqlUrl}`, `  Gateway   ${gatewayUrl}`, ''];
  return [...head, ...setupLines(facts), ...demoLines(facts), `  ! Development mode: ${traits(facts).join(', ')}. See README "Production".`, '']
    .map((line) => `${line}\n`)
    .join('');
}

function setupLines({ setupLink }: WelcomeFacts): string[] {
  if (setupLink === undefined) return [];
  return [`  Setup     ${setupLink}`, '            makes the first administrator, once, within half an hour: see docs/people.md', ''];
}

function demoLines({ demo, gatewayUrl, demoFile, dataDirectory }: WelcomeFacts): string[] {
  if (demo.kind === 'absent') return ['  No demo: there is no administrator’s token in the data directory to make it with.', ''];
  if (demo.kind === 'closed') return [`  No demo: the key in ${demoFile} does not open it; its server is disabled, or its grant was taken away.`, ''];
  const { apiKey } = demo;
  const where = dataDirectory === undefined ? '' : `TURNPIKE_DATA_DIR=${quoted(dataDirectory)} `;
  return [
    `  Key       ${apiKey}`,
    `            saved to ${demoFile}`,
    '',
    '  Try it:',
    `    curl -s ${gatewayUrl} \\`,
    `      -H "Authorization: Bearer ${apiKey}" -H "Content-Type: application/json" \\`,
    `      -d '{"jsonrpc":"2.0","id":"1","method":"tools/list","params":{}}'`,
    '',
    `  Then one that is denied:      ${where}npm run demo:denied`,
    `  Connect Claude Code:          claude mcp add --transport http demo ${gatewayUrl} --header "Authorization: Bearer ${apiKey}"`,
    '',
  ];
}

function traits({ isDatabaseEmbedded, areCountersInProcess, isLoopback }: WelcomeFacts): string[] {
  return [
    isDatabaseEmbedded ? 'embedded database' : 'one process',
    ...(areCountersInProcess ? ['in-memory counters'] : []),
    isLoopback ? 'loopback only' : 'open to the network',
  ];
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
