/** How each client is told of a server behind the gateway, in the form that the client reads. Keys are never part of it: where the client can, it takes them from its environment. */

export const CLIENT_APPS = [
  'CLAUDE_CODE',
  'CLAUDE_DESKTOP',
  'CURSOR',
  'VS_CODE',
  'CODEX',
  'WINDSURF',
  'GEMINI_CLI',
  'CURL',
  'TYPESCRIPT_SDK',
  'PYTHON_SDK',
  'AGENT_PROMPT',
] as const;
export type ClientApp = (typeof CLIENT_APPS)[number];

/** Where the gateway offers a server. */
export interface SnippetTarget {
  readonly slug: string;
  readonly url: string;
}

export interface ClientSnippet {
  readonly client: ClientApp;
  readonly title: string;
  /** Of the content, as highlighters name it. */
  readonly language: string;
  /** The file that it belongs into; null for what is run or said. */
  readonly filePath: string | null;
  readonly content: string;
  /** Opens the client and installs the server. */
  readonly deepLink: string | null;
  readonly steps: readonly string[];
}

type Told = Omit<ClientSnippet, 'client'>;

const VARIABLE = 'TURNPIKE_API_KEY';
const SET_VARIABLE = `Set ${VARIABLE} to the key in the environment that the client starts in.`;

export function clientSnippet(client: ClientApp, target: SnippetTarget): ClientSnippet {
  return { client, ...BUILDERS[client](target) };
}

const BUILDERS: Readonly<Record<ClientApp, (target: SnippetTarget) => Told>> = {
  CLAUDE_CODE: ({ slug, url }) => ({
    ...bare('Claude Code', 'sh'),
    content: `claude mcp add --transport http ${slug} ${url} --header "Authorization: Bearer $${VARIABLE}"`,
    steps: [`Set ${VARIABLE} to the key, and run the command.`],
  }),
  CLAUDE_DESKTOP: ({ slug, url }) => ({
    ...bare('Claude Desktop', 'json'),
    filePath: 'claude_desktop_config.json',
    content: json({ mcpServers: { [slug]: { command: 'npx', args: bridgeTo(url), env: { AUTHORIZATION: 'Bearer <your key>' } } } }),
    steps: [
      'Settings, Developer, Edit Config: add this and put the key in. It goes through a bridge, since the file knows programs only.',
      'Restart Claude Desktop.',
    ],
  }),
  CURSOR: ({ slug, url }) => {
    const server = { url, headers: bearer(`\${env:${VARIABLE}}`) };
    const config = btoa(JSON.stringify(server));
    return {
      ...bare('Cursor', 'json'),
      filePath: '.cursor/mcp.json',
      content: json({ mcpServers: { [slug]: server } }),
      deepLink: `cursor://anysphere.cursor-deeplink/mcp/install?name=${slug}&config=${encodeURIComponent(config)}`,
      steps: [SET_VARIABLE],
    };
  },
  VS_CODE: ({ slug, url }) => {
    const inputs = [{ type: 'promptString', id: 'turnpike', description: 'Turnpike key', password: true }];
    const server = { type: 'http', url, headers: bearer('${input:turnpike}') };
    return {
      ...bare('VS Code', 'json'),
      filePath: '.vscode/mcp.json',
      content: json({ inputs, servers: { [slug]: server } }),
      deepLink: `vscode:mcp/install?${encodeURIComponent(JSON.stringify({ name: slug, inputs, ...server }))}`,
      steps: ['VS Code asks for the key when the server starts.'],
    };
  },
  CODEX: ({ slug, url }) => ({
    ...bare('Codex', 'toml'),
    filePath: '~/.codex/config.toml',
    content: [`[mcp_servers.${slug}]`, `url = ${JSON.stringify(url)}`, `bearer_token_env_var = "${VARIABLE}"`].join('\n'),
    steps: [SET_VARIABLE, `Or run: codex mcp add ${slug} --url ${url} --bearer-token-env-var ${VARIABLE}`],
  }),
  WINDSURF: ({ slug, url }) => ({
    ...bare('Windsurf', 'json'),
    filePath: '~/.codeium/windsurf/mcp_config.json',
    content: json({ mcpServers: { [slug]: { serverUrl: url, headers: bearer(`\${env:${VARIABLE}}`) } } }),
    steps: [SET_VARIABLE],
  }),
  GEMINI_CLI: ({ slug, url }) => ({
    ...bare('Gemini CLI', 'json'),
    filePath: '~/.gemini/settings.json',
    content: json({ mcpServers: { [slug]: { httpUrl: url, headers: bearer(`$${VARIABLE}`) } } }),
    steps: [SET_VARIABLE],
  }),
  CURL: ({ url }) => ({
    ...bare('curl', 'sh'),
    content: [
      `curl -s ${url} \\`,
      `  -H "Authorization: Bearer $${VARIABLE}" -H "Content-Type: application/json" -H "Accept: application/json, text/event-stream" \\`,
      `  -d '{"jsonrpc":"2.0","id":"1","method":"tools/list"}'`,
    ].join('\n'),
    steps: [`Set ${VARIABLE} to the key, and run the command.`],
  }),
  TYPESCRIPT_SDK: ({ url }) => ({
    ...bare('TypeScript SDK', 'typescript'),
    content: [
      `import { env } from 'node:process';`,
      `import { Client } from '@modelcontextprotocol/sdk/client/index.js';`,
      `import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';`,
      '',
      `const client = new Client({ name: 'my-agent', version: '1.0.0' });`,
      `const headers = { Authorization: \`Bearer \${env.${VARIABLE}}\` };`,
      `await client.connect(new StreamableHTTPClientTransport(new URL('${url}'), { requestInit: { headers } }));`,
      `console.log(await client.listTools());`,
    ].join('\n'),
    steps: ['npm install @modelcontextprotocol/sdk', SET_VARIABLE],
  }),
  PYTHON_SDK: ({ url }) => ({
    ...bare('Python SDK', 'python'),
    content: [
      'import asyncio, os',
      'from mcp import ClientSession',
      'from mcp.client.streamable_http import streamablehttp_client',
      '',
      'async def main():',
      `    headers = {"Authorization": f"Bearer {os.environ['${VARIABLE}']}"}`,
      `    async with streamablehttp_client(${JSON.stringify(url)}, headers=headers) as (read, write, _):`,
      '        async with ClientSession(read, write) as session:',
      '            await session.initialize()',
      '            print(await session.list_tools())',
      '',
      'asyncio.run(main())',
    ].join('\n'),
    steps: ['pip install mcp', SET_VARIABLE],
  }),
  AGENT_PROMPT: ({ slug, url }) => ({
    ...bare('Any agent', 'markdown'),
    content: `Add the MCP server "${slug}" to your configuration. It speaks Streamable HTTP at ${url}. Send the header "Authorization: Bearer <key>" with each request; the key is in the environment variable ${VARIABLE}, and must not be written into any file. Then list its tools to see that it works.`,
    steps: [SET_VARIABLE, 'Paste this to the agent.'],
  }),
};

function bare(title: string, language: string): Omit<Told, 'content' | 'steps'> {
  return { title, language, filePath: null, deepLink: null };
}

function bearer(key: string): { Authorization: string } {
  return { Authorization: `Bearer ${key}` };
}

/** The header comes from a variable, since some clients break arguments at spaces. */
function bridgeTo(url: string): string[] {
  const isClear = URL.parse(url)?.protocol === 'http:';
  return ['mcp-remote', url, '--header', 'Authorization:${AUTHORIZATION}', '--transport', 'http-only', ...(isClear ? ['--allow-http'] : [])];
}

function json(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
