/** Tool rules, filters and missing grants that might be, as a simulation asks them. */
import { orderOfStep } from '../../shared/access-steps.ts';
import { compileToolRules } from '../../shared/tool-rules.ts';
import { joined, type SqlCondition } from '../database/sql-condition.ts';
import type { Draft, Judgement } from './draft.ts';
import type { RecordedCall } from './recorded-calls.ts';

const [GRANTED, RULED] = [orderOfStep('checkAccessGrant'), orderOfStep('applyToolRules')];
const RULE_PATHS = { blocked_tool: 'blockedTools', tool_not_allowed: 'allowedTools' } as const;

export function toolRulesDraft(serverId: string, lists: { readonly allowedTools: string[]; readonly blockedTools: string[] }): Draft {
  const rules = compileToolRules(lists);
  const judge = ({ tool }: RecordedCall): Judgement => {
    const verdict = tool === null ? 'allowed' : rules.verdictOn(tool);
    return verdict === 'allowed' ? 'passes' : { code: 'mcp_guardrail_block', reason: verdict, path: RULE_PATHS[verdict] };
  };
  const paths: ReadonlySet<string> = new Set(Object.values(RULE_PATHS));
  return {
    scope: onServer(serverId),
    checks: [{ step: RULED, judge }],
    replaces: ({ rule }) => rule?.kind === 'mcpServer' && rule.id === serverId && paths.has(rule.path),
    countsFrom: (gteMillis) => gteMillis,
    notes: ['of a batch only the tool is recorded that decided, or the first one'],
  };
}

/** What messages said is not recorded: a filter can be simulated only as far as that it is taken away. */
export function semanticFilterDraft(serverId: string, filter: { readonly isEmpty: boolean }): Draft {
  const isOfFilter = ({ rule }: RecordedCall) => rule?.kind === 'mcpServer' && rule.id === serverId && rule.path.startsWith('semanticFilter.');
  return {
    scope: onServer(serverId),
    checks: filter.isEmpty ? [] : [{ step: RULED, judge: () => 'unknown' }],
    replaces: isOfFilter,
    countsFrom: (gteMillis) => gteMillis,
    notes: filter.isEmpty
      ? []
      : ['what messages and answers said is not recorded, so that nobody can tell which of them a filter would have found something in'],
  };
}

export function removedGrantsDraft(pairs: readonly { readonly apiKeyId: string; readonly serverId: string }[]): Draft {
  const scope = anyOf(
    pairs.map(({ apiKeyId, serverId }) =>
      joined([
        { sql: 'u.api_key_id = ?', values: [apiKeyId] },
        { sql: 'm.server_id = ?', values: [serverId] },
      ]),
    ),
  );
  return {
    scope,
    checks: [{ step: GRANTED, judge: () => ({ code: 'mcp_not_allowed', reason: 'no_grant', path: 'grants' }) }],
    replaces: () => false,
    countsFrom: (gteMillis) => gteMillis,
    notes: [],
  };
}

function onServer(serverId: string): SqlCondition {
  return { sql: 'm.server_id = ?', values: [serverId] };
}

function anyOf(conditions: readonly SqlCondition[]): SqlCondition {
  if (conditions.length === 0) return { sql: 'false', values: [] };
  return { sql: `(${conditions.map(({ sql }) => `(${sql})`).join(' or ')})`, values: conditions.flatMap(({ values }) => values) };
}
