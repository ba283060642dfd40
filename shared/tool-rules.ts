/** Which tools may be called: blocked wins over allowed, and an empty allowed list means any. */
import type { McpServer } from './mcp-server.ts';
import { foldText } from './content-filter/fold-text.ts';
import { withoutEnd } from './without-end.ts';

export type ToolVerdict = 'allowed' | 'blocked_tool' | 'tool_not_allowed';

export interface ToolRules {
  /** Whether any tool at all may be refused; when false, lists need no filtering. */
  readonly restricts: boolean;
  verdictOn(tool: string): ToolVerdict;
}

/** Names outside this set are not judged but refused wherever a list exists (MCP SEP-986). */
const PLAIN_NAME = /^[A-Za-z0-9_.\-/]{1,128}$/;
const DOT_OR_SPACE = /[.\s]/;

/** Blocked names are compared generously, so that no spelling of one slips by; allowed names to the letter. */
export function compileToolRules({ allowedTools, blockedTools }: Pick<McpServer, 'allowedTools' | 'blockedTools'>): ToolRules {
  const allowed = new Set(allowedTools);
  const blocked = new Set(blockedTools.map(foldToolName));
  if (allowed.size === 0 && blocked.size === 0) return { restricts: false, verdictOn: () => 'allowed' };
  return {
    restricts: true,
    verdictOn: (tool) => {
      const isPlain = PLAIN_NAME.test(tool);
      // A plain name has no other form than its lower case, unless it ends in a dot.
      const folded = isPlain && !tool.endsWith('.') ? tool.toLowerCase() : foldToolName(tool);
      if (blocked.has(folded)) return 'blocked_tool';
      return isPlain && (allowed.size === 0 || allowed.has(tool)) ? 'allowed' : 'tool_not_allowed';
    },
  };
}

/** The form in which names are equal that a careless server could take for each other, as Windows and some shells do at the end of a name. */
export function foldToolName(name: string): string {
  return withoutEnd(foldText(name), DOT_OR_SPACE).trimStart();
}
