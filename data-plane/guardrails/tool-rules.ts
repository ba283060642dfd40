/** Which tools may be called: blocked wins over allowed, and an empty allowed list means any. */
import type { McpServer } from '../../shared/mcp-server.ts';

export type ToolVerdict = 'allowed' | 'blocked_tool' | 'tool_not_allowed';

export interface ToolRules {
  /** Whether any tool at all may be refused; when false, lists need no filtering. */
  readonly restricts: boolean;
  verdictOn(tool: string): ToolVerdict;
}

/** Names outside this set are not judged but refused wherever a list exists (SEP-986; `reliability.md`, S-06). */
const PLAIN_NAME = /^[A-Za-z0-9_.\-/]{1,128}$/;

/** Blocked names are compared generously, so that no spelling of one slips by; allowed names to the letter. */
export function compileToolRules({ allowedTools, blockedTools }: Pick<McpServer, 'allowedTools' | 'blockedTools'>): ToolRules {
  const allowed = new Set(allowedTools);
  const blocked = new Set(blockedTools.map(foldToolName));
  const restricts = allowed.size > 0 || blocked.size > 0;
  return {
    restricts,
    verdictOn: (tool) => {
      if (!restricts) return 'allowed';
      if (blocked.has(foldToolName(tool))) return 'blocked_tool';
      if (!PLAIN_NAME.test(tool)) return 'tool_not_allowed';
      return allowed.size === 0 || allowed.has(tool) ? 'allowed' : 'tool_not_allowed';
    },
  };
}

/** The form in which look-alikes are equal: compatibility forms, case, invisible characters and space at the ends are gone. */
export function foldToolName(name: string): string {
  return name
    .normalize('NFKC')
    .replace(/[\p{Cf}\p{Cc}]/gu, '')
    .toLowerCase()
    .trim()
    .replace(/[. ]+$/, '');
}
