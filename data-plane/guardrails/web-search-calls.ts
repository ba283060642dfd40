/** Holds calls of a web-search server to its policy: refuses hosts, and tells the tool to keep to the policy where its schema says how. */
import { belongsTo } from '../../shared/domain-names.ts';
import { isRecord } from '../../shared/is-record.ts';
import { Refusal } from '../../shared/refusal.ts';
import type { SearchTool, WebSearchPolicy } from '../../shared/web-search.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import { readRpcCall } from '../mcp/read-rpc-call.ts';
import type { RpcCall, RpcMessage } from '../mcp/rpc-call.ts';
import type { Trail } from '../trail.ts';
import { applyEdits, setMembers, type Edit } from '../transports/json-edits.ts';
import { elementsOf, findMember, type ByteRange } from '../transports/json-members.ts';
import { domainsAskedFor, hostsIn } from './web-hosts.ts';
import type { CompiledWebSearch } from './web-search.ts';

const SPACE = 0x20;
const OPEN_BRACE = 0x7b;

/** Answers the call that may pass: the same one, unless arguments are added. Throws `mcp_guardrail_block/web_search_policy`. */
export function applyWebSearch(server: GovernedServer, webSearch: CompiledWebSearch, call: RpcCall, trail: Trail): RpcCall {
  for (const message of call.messages) if (message.tool !== undefined) judgeHosts(server, webSearch, argumentsIn(message), trail);
  if (webSearch.policy.mode === 'OBSERVE') return call;
  const edits = call.messages.flatMap((message, index) => {
    const tool = message.tool === undefined ? undefined : webSearch.tools.get(message.tool);
    return tool === undefined ? [] : editsOf(call, index, keptTo(webSearch.policy, tool, argumentsOf(message)));
  });
  return edits.length === 0 ? call : readRpcCall(applyEdits(call.bytes, edits));
}

function judgeHosts({ config }: GovernedServer, { objectionTo, policy }: CompiledWebSearch, callArguments: unknown, trail: Trail): void {
  for (const host of hostsIn(callArguments)) {
    const objection = objectionTo(host);
    if (objection === undefined) continue;
    const action = policy.mode === 'OBSERVE' ? 'OBSERVE' : 'BLOCK';
    trail.dlp.note({ direction: 'REQUEST', kind: 'DOMAIN', rule: objection.rule, action });
    const refusal = new Refusal('mcp_guardrail_block', 'web_search_policy', `'${host}' ${objection.why} on '${config.slug}'`, {
      rule: { kind: 'mcpServer', id: config.id, path: `webSearchPolicy.${objection.list}` },
    });
    if (action === 'BLOCK') throw refusal;
    trail.observe(refusal);
  }
}

/** The arguments that make a tool keep to the policy, as JSON. What a caller asks for within the policy stays. */
function keptTo(policy: WebSearchPolicy, tool: SearchTool, given: Readonly<Record<string, unknown>>): Record<string, string> {
  const { allowedDomains, blockedDomains, safeSearch } = policy;
  const added: Record<string, string> = {};
  if (tool.includeDomains !== null && allowedDomains.length > 0) {
    if (textsOf(given[tool.includeDomains]).flatMap(domainsAskedFor).length === 0) added[tool.includeDomains] = JSON.stringify(allowedDomains);
  } else if (tool.excludeDomains !== null && blockedDomains.length > 0) {
    const excluded = textsOf(given[tool.excludeDomains]);
    const missing = blockedDomains.filter((domain) => !excluded.some((other) => belongsTo(domain, other)));
    if (missing.length > 0) added[tool.excludeDomains] = JSON.stringify([...excluded, ...missing]);
  }
  if (safeSearch && tool.safeSearch !== null && given[tool.safeSearch.argument] !== tool.safeSearch.value)
    added[tool.safeSearch.argument] = JSON.stringify(tool.safeSearch.value);
  return added;
}

function editsOf({ bytes, isBatch }: RpcCall, index: number, added: Readonly<Record<string, string>>): Edit[] {
  if (Object.keys(added).length === 0) return [];
  const whole = { start: bytes.findIndex((byte) => byte > SPACE), end: bytes.length };
  const message: ByteRange | undefined = isBatch ? elementsOf(bytes, whole)?.[index] : whole;
  const params = message === undefined ? undefined : findMember(bytes, message, 'params');
  if (params === undefined) return [];
  const range = findMember(bytes, params, 'arguments');
  if (range !== undefined && bytes[range.start] === OPEN_BRACE) return setMembers(bytes, range, added);
  const members = Object.entries(added).map(([name, json]) => `${JSON.stringify(name)}:${json}`);
  return setMembers(bytes, params, { arguments: `{${members.join(',')}}` });
}

/** Whatever stands in their place. */
function argumentsIn({ value: { params } }: RpcMessage): unknown {
  return isRecord(params) ? params['arguments'] : undefined;
}

function argumentsOf(message: RpcMessage): Readonly<Record<string, unknown>> {
  const given = argumentsIn(message);
  return isRecord(given) ? given : {};
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((element) => typeof element === 'string') : [];
}
