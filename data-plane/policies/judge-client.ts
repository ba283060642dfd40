/** Judges by the agents of the organisation who the client says it is, as soon as that is known: a part of step 9 that needs the body or the session. */
import { Refusal } from '../../shared/refusal.ts';
import type { Access, RpcRequest } from '../evidence.ts';
import type { Exchange } from '../exchange.ts';
import { clientIn } from '../mcp/client-info.ts';
import type { Trail } from '../trail.ts';

/** Only ever narrows what the key may do; a name that anybody may give opens nothing. */
export function judgeClient(
  { plan }: Pick<Access, 'plan'>,
  exchange: Pick<Exchange, 'header'>,
  rpc: RpcRequest,
  trail: Pick<Trail, 'client' | 'observe'>,
): void {
  if (plan.clientCheck === undefined) return;
  const { session } = rpc;
  const { name, version } = clientIn(rpc) ?? { name: session?.clientName ?? null, version: session?.clientVersion ?? null };
  const verdict = plan.clientCheck({ name: name === '' ? null : name, version, userAgent: exchange.header('user-agent') });
  trail.client = verdict;
  const { objection } = verdict;
  if (objection === undefined || isNobodyYet(rpc, verdict.agentId)) return;
  const refusal = new Refusal('mcp_not_allowed', 'agent_not_mapped', objection.sentence, { rule: objection.rule });
  if (objection.isEnforced) throw refusal;
  trail.observe(refusal);
}

/** Whoever opens a stream before he has introduced himself is judged by what he sends then. */
function isNobodyYet({ call, session }: RpcRequest, agentId: string | null): boolean {
  return agentId === null && call === undefined && session === undefined;
}
