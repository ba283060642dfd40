/** A list shows exactly what the caller may call: the rules for lists and those for calls never disagree. */
import { assert, asyncProperty, boolean, constantFrom, option, record, uniqueArray } from 'fast-check';
import { expect, test } from 'vitest';
import type { Access, RpcRequest } from '../../../data-plane/evidence.ts';
import { filterLists } from '../../../data-plane/guardrails/list-filter.ts';
import { listRulesFor } from '../../../data-plane/guardrails/list-rules.ts';
import { planOf } from '../../../data-plane/policies/governance-plan.ts';
import { applyToolRules } from '../../../data-plane/steps/apply-tool-rules.ts';
import { Trail } from '../../../data-plane/trail.ts';
import type { McpServer } from '../../../shared/mcp-server.ts';
import type { DetectorName } from '../../../shared/content-filter/detectors.ts';
import { Refusal } from '../../../shared/refusal.ts';
import { fingerprintOfTool } from '../../../shared/tool-definition.ts';
import { TOOL_REVIEWS, type ToolPin } from '../../../shared/tool-pins.ts';
import { TokenHasher } from '../../../shared/token.ts';
import { stateOf, testSecretKey } from '../../support/config-frames.ts';
import { accessGrant, apiKey, mcpServer, organisation, snapshotOf } from '../../support/domain.ts';
import { rpcCall } from '../../support/rpc-call.ts';

const hasher = new TokenHasher(testSecretKey.derive('token-hash'));

const LISTS = [
  { asks: 'tools/list', member: 'tools', entryKey: 'name', calls: 'tools/call', param: 'name' },
  { asks: 'prompts/list', member: 'prompts', entryKey: 'name', calls: 'prompts/get', param: 'name' },
  { asks: 'resources/list', member: 'resources', entryKey: 'uri', calls: 'resources/read', param: 'uri' },
  { asks: 'resources/templates/list', member: 'resourceTemplates', entryKey: 'uriTemplate', calls: 'resources/read', param: 'uri' },
] as const;

const pin = (name: string, given: Partial<ToolPin> = {}): ToolPin => ({
  name,
  fingerprint: fingerprintOfTool({ name }),
  isEnabled: true,
  isChanged: false,
  isReviewed: true,
  isDestructive: false,
  ...given,
});
const names = uniqueArray(
  constantFrom(
    'read',
    'read_secret',
    'DELETE',
    'delete',
    'file:///a',
    'file:///etc/passwd',
    'mailto:joe@example.com',
    'db://{secret}',
    'ｓｅｃｒｅｔ',
    'sec-ret',
    '☂',
  ),
);
const rules = record({
  allowedTools: constantFrom<string[]>([], ['read', 'read_secret']),
  blockedTools: constantFrom<string[]>([], ['delete']),
  toolRulesMode: constantFrom('ENFORCE' as const, 'OBSERVE' as const),
  toolPins: constantFrom<ToolPin[]>(
    [],
    [pin('read'), pin('DELETE', { isEnabled: false })],
    [pin('read', { isChanged: true }), pin('delete', { fingerprint: 'another' })],
  ),
  toolReview: constantFrom(...TOOL_REVIEWS),
  toolChangeMode: constantFrom('ENFORCE' as const, 'OBSERVE' as const),
  semanticFilter: option(
    record({
      blockedKeywords: constantFrom<string[]>([], ['secret'], ['call read']),
      blockedPatterns: constantFrom<string[]>([], ['^file:///etc/'], ['resources/']),
      detectors: constantFrom<DetectorName[]>([], ['EMAIL']),
      applyTo: uniqueArray(constantFrom('REQUEST' as const, 'RESPONSE' as const)),
      action: constantFrom('BLOCK' as const, 'REDACT' as const, 'OBSERVE' as const),
    }),
  ),
});
const toolsAllowed = option(constantFrom<string[]>([], ['read', 'delete']));

test('what is left of a list would be admitted when it is called, and nothing else is missing', async () => {
  await assert(
    asyncProperty(constantFrom(...LISTS), names, rules, toolsAllowed, boolean(), async (list, entries, given, granted, isResumed) => {
      const access = await accessUnder(given, granted);
      const listing = rpcCall(`{"jsonrpc":"2.0","id":1,"method":"${list.asks}"}`);
      const listRules = listRulesFor(access, isResumed ? undefined : listing);
      const page = { [list.member]: entries.map((name) => ({ [list.entryKey]: name })), nextCursor: 'next' };
      const shown = filterLists(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, result: page })), listRules)?.toString('utf8');
      const callable = entries.filter((name) => isAdmitted(access, { method: list.calls, params: { [list.param]: name } }));
      const expected = { ...page, [list.member]: callable.map((name) => ({ [list.entryKey]: name })) };
      expect(JSON.parse(shown ?? '')).toEqual({ jsonrpc: '2.0', id: 1, result: expected });
    }),
    { numRuns: 500 },
  );
});

test('what asks for no list has no rules, and a batch has those of what it asks for', async () => {
  const access = await accessUnder({
    blockedTools: ['delete'],
    semanticFilter: { blockedKeywords: ['secret'], blockedPatterns: [], detectors: [], applyTo: [], action: 'BLOCK' },
  });
  const membersFor = (...methods: string[]) =>
    listRulesFor(access, rpcCall(JSON.stringify(methods.map((method) => ({ jsonrpc: '2.0', id: 1, method }))))).map(({ member }) => member);
  expect(membersFor('ping', 'resources/read')).toEqual([]);
  expect(membersFor('ping', 'prompts/list', 'tools/list', 'tools/list')).toEqual(['tools', 'prompts']);
});

async function accessUnder(given: Partial<McpServer>, toolsAllowed: readonly string[] | null = null): Promise<Access> {
  const acme = organisation();
  const { key } = apiKey(acme.id, hasher);
  const config = mcpServer(acme.id, given);
  const grant = { ...accessGrant(key, config), toolsAllowed: toolsAllowed === null ? null : [...toolsAllowed] };
  const { snapshot } = await stateOf('1', snapshotOf({ organisations: [acme], apiKeys: [key], mcpServers: [config], accessGrants: [grant] }));
  const server = snapshot.servers.get(acme.id)?.get(config.id);
  if (server === undefined) throw new Error('the snapshot lacks its server');
  return { key, server, grant, plan: planOf(snapshot, key, server, grant) };
}

function isAdmitted(access: Access, message: object): boolean {
  const call = rpcCall(JSON.stringify({ jsonrpc: '2.0', id: 1, ...message }));
  const rpc: RpcRequest = { call, message: call.messages[0], era: 'legacy', session: undefined };
  try {
    applyToolRules(access, rpc, {}, new Trail());
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}
