/** Agents that everybody knows, and by which names their clients go. A client that renames itself is told here, or by a pattern of the organisation's own. */

export interface PredefinedAgent {
  readonly slug: string;
  readonly name: string;
  /** What its clients call themselves in `clientInfo.name`, as patterns. */
  readonly clientNames: readonly string[];
  /** What they send as `User-Agent`, as patterns; empty where it is that of a common library. */
  readonly userAgents: readonly string[];
}

export const PREDEFINED_AGENTS: readonly PredefinedAgent[] = [
  known('claude-code', 'Claude Code', ['claude-code', 'claude-code/*'], ['claude-code/*']),
  known('claude-desktop', 'Claude Desktop and claude.ai', ['claude-ai', 'claude-desktop', 'Anthropic/ClaudeAI'], ['Claude-User*']),
  known('cursor', 'Cursor', ['cursor-vscode', 'Cursor', 'cursor-*'], ['Cursor/*']),
  known('vs-code', 'VS Code', ['Visual Studio Code*', 'Visual-Studio-Code*'], []),
  known('codex', 'Codex', ['codex-mcp-client', 'Codex'], ['codex-mcp-client/*', 'codex_cli_rs/*']),
  known('chatgpt', 'ChatGPT', ['openai-mcp*', 'ChatGPT'], ['openai-mcp/*']),
  known('gemini-cli', 'Gemini CLI', ['gemini-cli-mcp-client*', 'gemini-cli'], []),
  known('windsurf', 'Windsurf', ['windsurf-client', 'Windsurf'], []),
  known('cline', 'Cline', ['Cline'], []),
  known('roo-code', 'Roo Code', ['Roo-Code', 'Roo Code'], []),
  known('kilo-code', 'Kilo Code', ['Kilo-Code', 'Kilo Code'], []),
  known('zed', 'Zed', ['Zed'], []),
  known('goose', 'Goose', ['goose', 'goose-*'], ['goose/*']),
  known('opencode', 'opencode', ['opencode'], []),
  known('crush', 'Crush', ['crush'], []),
  known('continue', 'Continue', ['continue-client', 'continue-cli-client'], []),
  known('antigravity', 'Google Antigravity', ['antigravity-client', 'antigravity'], []),
  known('amp', 'Amp', ['amp-mcp-client'], []),
  known('amazon-q', 'Amazon Q Developer', ['Q-DEV-CLI'], []),
  known('factory', 'Factory', ['factory-cli'], []),
  known('github-copilot', 'GitHub Copilot', ['github-copilot-developer', 'copilot-mcp-client', '*-copilot-intellij', 'Xcode-copilot-xcode'], []),
  known('le-chat', 'Le Chat', ['Mistral'], []),
  known('librechat', 'LibreChat', ['@librechat/api-client'], []),
  known('lm-studio', 'LM Studio', ['lmstudio*', 'lm-studio*'], []),
  known('n8n', 'n8n', ['@n8n/n8n-nodes-langchain.*'], []),
  known('raycast', 'Raycast', ['com.raycast.*'], []),
  known('postman', 'Postman', ['Postman-Client'], []),
  known('mcp-inspector', 'MCP Inspector', ['mcp-inspector', 'mcp-inspector-*', 'inspector-cli', 'inspector-client'], []),
];

/** `mcp-remote`, which brings clients of STDIO over HTTP, says so behind their names. */
function known(slug: string, name: string, clientNames: readonly string[], userAgents: readonly string[]): PredefinedAgent {
  return { slug, name, clientNames: clientNames.flatMap((pattern) => [pattern, `${pattern} (via mcp-remote *)`]), userAgents };
}
