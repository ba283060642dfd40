/** The name of a client narrows what its key may call, is judged only where an agent or the organisation asks for it, and opens nothing. */
import { describe, expect, test } from 'vitest';
import { clientCheckOf } from '../../../data-plane/policies/client-check.ts';
import type { Agent, AgentClient, UnknownClients } from '../../../shared/agent.ts';
import { judgeAccess } from '../../../shared/access-grant.ts';
import { TokenHasher } from '../../../shared/token.ts';
import { stateOf, testSecretKey } from '../../support/config-frames.ts';
import { accessGrant, agent, apiKey, mcpServer, organisation, snapshotOf } from '../../support/domain.ts';

const acme = organisation();
const hasher = new TokenHasher(testSecretKey.derive('token-hash'));
const server = mcpServer(acme.id);
const other = mcpServer(acme.id, { slug: 'other' });

function client(clientNames: string[], serverIds: string[]): AgentClient {
  return { id: `agc_${clientNames.join()}`, clientNames, userAgents: [], versionRange: null, serverIds };
}

async function checkOf({
  agents = [],
  unknownClients = 'ALLOW',
  agentId = null,
}: {
  agents?: Agent[];
  unknownClients?: UnknownClients;
  agentId?: string | null;
}) {
  const { key } = apiKey(acme.id, hasher, { agentId });
  const { snapshot } = await stateOf('1', snapshotOf({ organisations: [{ ...acme, unknownClients }], apiKeys: [key], mcpServers: [server, other], agents }));
  const check = clientCheckOf(snapshot, key, { config: server });
  return check === undefined ? undefined : (name: string | null) => check({ name, version: '1', userAgent: undefined });
}

const bot = agent(acme.id, { name: 'Bot', clients: [client(['bot'], [server.id]), client(['bot-ci'], [other.id])] });

describe('nothing is asked', () => {
  test.each([
    ['without agents', []],
    ['of agents without clients', [agent(acme.id)]],
    ['of agents of another organisation', [agent('org_other', { clients: [client(['bot'], [])] })]],
  ])('%s', async (_, agents) => {
    expect(await checkOf({ agents })).toBeUndefined();
  });
});

test('each client gets its own servers, not those of its agent’s other clients', async () => {
  const check = await checkOf({ agents: [bot] });
  expect(check?.('bot')).toEqual({ agentId: bot.id, clientId: 'agc_bot', objection: undefined });
  expect(check?.('bot-ci')).toMatchObject({ agentId: bot.id, clientId: 'agc_bot-ci', objection: { rule: { kind: 'agent', id: bot.id }, isEnforced: true } });
});

test.each<[UnknownClients, boolean | undefined]>([
  ['ALLOW', undefined],
  ['OBSERVE', false],
  ['DENY', true],
])('with %s, a client that counts as no agent is objected to: %s', async (unknownClients, isEnforced) => {
  for (const agents of [[bot], [agent(acme.id, { clients: [client(['x'], [])] })]]) {
    const check = await checkOf({ agents, unknownClients });
    for (const name of ['stranger', null]) expect(check?.(name).objection?.isEnforced).toBe(isEnforced);
  }
});

test('without any agent, unknown clients are denied where the organisation says so', async () => {
  expect((await checkOf({ unknownClients: 'DENY' }))?.('bot').objection?.isEnforced).toBe(true);
});

describe('a key that is bound', () => {
  test('is of its agent, whatever the client is called and whatever unknown clients get', async () => {
    const check = await checkOf({ agents: [bot], agentId: bot.id, unknownClients: 'DENY' });
    expect(check?.('stranger')).toEqual({ agentId: bot.id, clientId: null, objection: undefined });
    expect(check?.('bot')).toEqual({ agentId: bot.id, clientId: 'agc_bot', objection: undefined });
    // The binding names the agent, and the servers of an agent are those of all its clients.
    expect(check?.('bot-ci').objection).toBeUndefined();
  });

  test('another agent’s name gives it neither the agent nor its client', async () => {
    const rich = agent(acme.id, { clients: [client(['rich'], [server.id, other.id])] });
    const poor = agent(acme.id, { mode: 'OBSERVE', clients: [client(['poor'], [other.id])] });
    const check = await checkOf({ agents: [rich, poor], agentId: poor.id });
    expect(check?.('rich')).toMatchObject({ agentId: poor.id, clientId: null, objection: { isEnforced: false } });
  });

  test.each<[string, Agent | undefined, string]>([
    ['mapped', agent(acme.id, { clients: [client(['a'], [server.id])] }), 'granted'],
    ['mapped elsewhere', agent(acme.id, { clients: [client(['a'], [other.id])] }), 'agent_not_mapped'],
    ['observed', agent(acme.id, { mode: 'OBSERVE' }), 'granted'],
    ['gone', undefined, 'agent_not_mapped'],
  ])('with an agent that is %s is judged %s, behind grant and scope', (_, bound, verdict) => {
    const { key } = apiKey(acme.id, hasher, { agentId: bound?.id ?? 'agt_gone' });
    const grant = accessGrant(key, server);
    expect(judgeAccess({ key, server, grant, agent: bound }, 0)).toBe(verdict);
    expect(judgeAccess({ key, server, grant: undefined, agent: bound }, 0)).toBe('no_grant');
    expect(judgeAccess({ key, server: { ...server, teamId: 'tea_1' }, grant, agent: bound }, 0)).toBe('team_scope');
  });
});
