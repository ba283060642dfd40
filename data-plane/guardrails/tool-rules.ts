/** Which tools may be called: blocked wins over allowed, and an empty allowed list means any. */
import type { McpServer } from '../../shared/mcp-server.ts';

export type ToolVerdict = 'allowed' | 'blocked_tool' | 'tool_not_allowed';

export interface ToolRules {
  /** Whether any tool at all may be refused; when false, lists need no filtering. */
  readonly restricts: boolean;
  verdictOn(tool: string): ToolVerdict;
}

export declare function compileToolRules(server: Pick<McpServer, 'allowedTools' | 'blockedTools'>): ToolRules;
