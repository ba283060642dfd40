/** What the name of a client decides for one key at one server: compiled with the plan, and undefined where nothing depends on it. */
import { isMappedTo, type Agent } from '../../shared/agent.ts';
import { AgentRecogniser, type ClientClaim, type Recognition } from '../../shared/agent-recogniser.ts';
import type { ApiKey } from '../../shared/api-key.ts';
import type { RuleReference } from '../../shared/refusal.ts';
import type { McpServer } from '../../shared/mcp-server.ts';
import { boundAgentOf, type Snapshot } from '../config/snapshot.ts';

export interface ClientVerdict {
  readonly agentId: string | null;
  readonly clientId: string | null;
  readonly objection: Objection | undefined;
}

/** The client may not call the server. */
export interface Objection {
  readonly sentence: string;
  readonly rule: RuleReference;
  readonly isEnforced: boolean;
}

export type ClientCheck = (claim: ClientClaim) => ClientVerdict;

/** Put in order when they are first asked about, and again when one of them has changed. */
const recognisers = new WeakMap<ReadonlyMap<string, Agent>, AgentRecogniser>();
const NO_AGENTS = new Map<string, Agent>();

export function clientCheckOf(snapshot: Snapshot, key: ApiKey, { config }: { readonly config: McpServer }): ClientCheck | undefined {
  const recogniser = recogniserOf(snapshot.agents.get(key.organisationId) ?? NO_AGENTS);
  if (key.agentId !== null) return boundCheck(recogniser, snapshot, { ...key, agentId: key.agentId }, config);
  const unknownClients = snapshot.organisations.get(key.organisationId)?.unknownClients ?? 'ALLOW';
  if (recogniser.isEmpty && unknownClients === 'ALLOW') return undefined;
  const unknown: ClientVerdict = {
    agentId: null,
    clientId: null,
    objection:
      unknownClients === 'ALLOW'
        ? undefined
        : {
            sentence: `the client is none of the agents that may call '${config.slug}'`,
            rule: { kind: 'organisation', id: key.organisationId, path: 'unknownClients' },
            isEnforced: unknownClients === 'DENY',
          },
  };
  return rememberingVerdicts(recogniser, (recognition) => (recognition === undefined ? unknown : verdictOn(recognition, config)));
}

/** The key says who calls: what the client says of itself tells no more than which of the agent's clients it is. */
function boundCheck(recogniser: AgentRecogniser, snapshot: Snapshot, key: ApiKey & { readonly agentId: string }, config: McpServer): ClientCheck {
  const { agentId } = key;
  const agent = boundAgentOf(snapshot, key);
  // Step 9 has refused already where the agent's mapping is enforced.
  const objection = agent === undefined || isMappedTo(agent, config.id) ? undefined : objectionOf(agent, config);
  return rememberingVerdicts(recogniser, (recognition) => ({
    agentId,
    clientId: recognition?.agent.id === agentId ? recognition.client.id : null,
    objection,
  }));
}

function verdictOn({ agent, client }: Recognition, config: McpServer): ClientVerdict {
  return { agentId: agent.id, clientId: client.id, objection: client.serverIds.includes(config.id) ? undefined : objectionOf(agent, config) };
}

function objectionOf(agent: Agent, { slug }: McpServer): Objection {
  return {
    sentence: `the agent '${agent.name}' may not call '${slug}' with this client`,
    rule: { kind: 'agent', id: agent.id, path: 'clients' },
    isEnforced: agent.mode === 'ENFORCE',
  };
}

function rememberingVerdicts(recogniser: AgentRecogniser, judge: (recognition: Recognition | undefined) => ClientVerdict): ClientCheck {
  const verdicts = new Map<Recognition | undefined, ClientVerdict>();
  return (claim) => {
    const recognition = recogniser.recognise(claim);
    let verdict = verdicts.get(recognition);
    if (verdict === undefined) verdicts.set(recognition, (verdict = judge(recognition)));
    return verdict;
  };
}

function recogniserOf(agents: ReadonlyMap<string, Agent>): AgentRecogniser {
  let recogniser = recognisers.get(agents);
  if (recogniser === undefined) recognisers.set(agents, (recogniser = new AgentRecogniser(agents.values())));
  return recogniser;
}
