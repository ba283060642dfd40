/** Step 12: applies the allowed and blocked tools of server and grant, then the semantic filter, to every message of the body. */
import { Refusal } from '../../shared/refusal.ts';
import type { Access, AllowedCall, RpcRequest } from '../evidence.ts';
import { isPinRefused, listRulesFor } from '../guardrails/list-rules.ts';
import type { Trail } from '../trail.ts';

const REFUSED_TOOL = { blocked_tool: 'is blocked on', tool_not_allowed: 'is not among the allowed tools of' } as const;
const REFUSED_PIN = {
  tool_disabled: 'is switched off on',
  tool_changed: 'has changed since it was approved on',
  tool_unreviewed: 'waits for a review on',
} as const;
const RULE_PATHS = { blocked_tool: 'blockedTools', tool_not_allowed: 'allowedTools' } as const;

export function applyToolRules(access: Access, rpc: RpcRequest, trail: Trail): AllowedCall {
  for (const message of rpc.call?.messages ?? []) {
    if (message.tool !== undefined) judgeTool(access, message.tool, trail);
    judgeWords(access, message.value, trail);
  }
  return { access, rpc, listRules: listRulesFor(access, rpc.call) };
}

function judgeTool(access: Access, tool: string, trail: Trail): void {
  const { config, toolRules } = access.server;
  const verdict = toolRules.verdictOn(tool);
  if (verdict !== 'allowed') {
    const rule = { kind: 'mcpServer', id: config.id, path: RULE_PATHS[verdict] };
    const refusal = new Refusal('mcp_guardrail_block', verdict, `tool '${tool}' ${REFUSED_TOOL[verdict]} '${config.slug}'`, { rule });
    if (config.toolRulesMode === 'ENFORCE') return refuseTool(trail, tool, refusal);
    trail.observe(refusal);
  }
  judgePin(access, tool, trail);
  if (access.grant.toolsAllowed === null || access.grant.toolsAllowed.includes(tool)) return;
  const rule = { kind: 'accessGrant', id: access.grant.id, path: 'toolsAllowed' };
  refuseTool(
    trail,
    tool,
    new Refusal('mcp_guardrail_block', 'tool_not_allowed', `tool '${tool}' is not among the tools granted to this key on '${config.slug}'`, { rule }),
  );
}

function judgePin(access: Access, tool: string, trail: Trail): void {
  const { config, toolPins } = access.server;
  const objection = toolPins.objectionTo(tool);
  if (objection === undefined) return;
  const rule = { kind: 'mcpServer', id: config.id, path: 'tools' };
  const refusal = new Refusal('mcp_guardrail_block', objection, `tool '${tool}' ${REFUSED_PIN[objection]} '${config.slug}'`, { rule });
  if (isPinRefused(objection, config.toolChangeMode)) refuseTool(trail, tool, refusal);
  trail.observe(refusal);
}

function refuseTool(trail: Trail, tool: string, refusal: Refusal): never {
  trail.tool = tool;
  throw refusal;
}

function judgeWords(access: Access, value: unknown, trail: Trail): void {
  const { filter, config } = access.server;
  if (filter === undefined || !filter.appliesToRequest) return;
  const match = filter.findIn(value);
  if (match === undefined) return;
  const path = match.kind === 'keyword' ? 'semanticFilter.blockedKeywords' : 'semanticFilter.blockedPatterns';
  const refusal = new Refusal('mcp_guardrail_block', 'semantic_filter', `the message holds a blocked ${match.kind}`, {
    rule: { kind: 'mcpServer', id: config.id, path },
  });
  if (filter.action !== 'OBSERVE') throw refusal;
  trail.observe(refusal);
}
