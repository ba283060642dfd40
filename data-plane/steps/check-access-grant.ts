/** Step 9: requires a grant for this key on this server, then the server's team or key scope, then the servers of the agent that the key is bound to. */
import { judgeAccess, type AccessVerdict } from '../../shared/access-grant.ts';
import type { ApiKey } from '../../shared/api-key.ts';
import { Refusal, type RuleReference } from '../../shared/refusal.ts';
import { boundAgentOf, type Snapshot } from '../config/snapshot.ts';
import type { Access, EnabledServer } from '../evidence.ts';
import type { Gateway } from '../gateway.ts';
import { planOf } from '../policies/governance-plan.ts';

const SENTENCES: Record<Exclude<AccessVerdict, 'granted'>, string> = {
  no_grant: 'this key has no grant for',
  team_scope: 'this key is not of the team that may call',
  key_scope: 'another key alone may call',
  agent_not_mapped: 'the agent that this key is bound to may not call',
};

export function checkAccessGrant(gateway: Pick<Gateway, 'clock'>, snapshot: Snapshot, key: ApiKey, enabled: EnabledServer): Access {
  const { server } = enabled;
  const grant = snapshot.grants.get(key.id)?.get(server.config.id);
  const verdict = judgeAccess({ key, server: server.config, grant, agent: boundAgentOf(snapshot, key) }, gateway.clock.now());
  if (verdict === 'granted' && grant !== undefined) return { key, server, grant, plan: planOf(snapshot, key, server, grant) };
  const reason = verdict === 'granted' ? 'no_grant' : verdict;
  throw new Refusal('mcp_not_allowed', reason, `${SENTENCES[reason]} '${server.config.slug}'`, { rule: ruleOf(reason, key, server.config.id) });
}

function ruleOf(reason: Exclude<AccessVerdict, 'granted'>, { agentId }: ApiKey, serverId: string): RuleReference {
  if (reason === 'agent_not_mapped' && agentId !== null) return { kind: 'agent', id: agentId, path: 'clients' };
  return { kind: 'mcpServer', id: serverId, path: reason === 'no_grant' ? 'grants' : 'scope' };
}
