/** Step 12: applies the allowed and blocked tools of server and grant to every message of the body, then the web-search policy and the semantic filters. */
import { Refusal } from '../../shared/refusal.ts';
import { isPinRefused } from '../../shared/tool-pins.ts';
import type { Access, AllowedCall, RpcRequest } from '../evidence.ts';
import type { Exchange } from '../exchange.ts';
import { judgeContent } from '../guardrails/content-rules.ts';
import type { CompiledWebSearch } from '../guardrails/web-search.ts';
import { applyWebSearch } from '../guardrails/web-search-calls.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import { listRulesFor } from '../guardrails/list-rules.ts';
import { decodedHeader } from '../mcp/header-agreement.ts';
import { readRpcCall } from '../mcp/read-rpc-call.ts';
import type { Trail } from '../trail.ts';
import { PARAMETER_PREFIX } from '../transports/forwarded-headers.ts';

const REFUSED_TOOL = { blocked_tool: 'is blocked on', tool_not_allowed: 'is not among the allowed tools of' } as const;
const REFUSED_PIN = {
  tool_disabled: 'is switched off on',
  tool_changed: 'has changed since it was approved on',
  tool_unreviewed: 'waits for a review on',
} as const;
const RULE_PATHS = { blocked_tool: 'blockedTools', tool_not_allowed: 'allowedTools' } as const;

export function applyToolRules(access: Access, rpc: RpcRequest, headers: Exchange['headers'], trail: Trail): AllowedCall {
  for (const { tool } of rpc.call?.messages ?? []) if (tool !== undefined) judgeTool(access, tool, trail);
  const searching = access.server.webSearch === undefined ? rpc : judgeSearch(access.server, access.server.webSearch, rpc, trail);
  const judged = access.plan.content.request.length === 0 ? searching : judgeWords(access, searching, headers, trail);
  return { access, rpc: judged, listRules: listRulesFor(access, judged.call) };
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

function judgeSearch(server: GovernedServer, webSearch: CompiledWebSearch, rpc: RpcRequest, trail: Trail): RpcRequest {
  const { call } = rpc;
  if (call === undefined) return rpc;
  const kept = applyWebSearch(server, webSearch, call, trail);
  return kept === call ? rpc : (trail.rpc = { ...rpc, call: kept, message: kept.messages[0] });
}

/** What is redacted is another message, which the parser of record reads anew: what goes upstream is what was judged. */
function judgeWords(access: Access, rpc: RpcRequest, headers: Exchange['headers'], trail: Trail): RpcRequest {
  const { call, era } = rpc;
  if (call === undefined) return rpc;
  const { bytes, isBatch, messages } = call;
  const value = isBatch ? messages.map((message) => message.value) : messages[0].value;
  const besides = era === 'modern' ? repeatedArguments(headers) : [];
  const passing = judgeContent(access.plan.content.request, { bytes, value, direction: 'REQUEST', besides }, trail);
  if (passing === bytes) return rpc;
  const redacted = readRpcCall(passing);
  return (trail.rpc = { ...rpc, call: redacted, message: redacted.messages[0] });
}

/** Arguments that the client repeats in headers go upstream as well, and nobody holds them against the body. */
function repeatedArguments(headers: Exchange['headers']): string[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith(PARAMETER_PREFIX) && typeof value === 'string' ? [value, decodedHeader(value) ?? ''] : [],
  );
}
