/** A client counts as the agent that its name fits: an organisation's own before a predefined one, and never by less than the whole of what is asked. */
import { expect, test } from 'vitest';
import type { AgentClient } from '../../shared/agent.ts';
import { AgentRecogniser, type ClientClaim } from '../../shared/agent-recogniser.ts';
import { agent } from '../support/domain.ts';

function client(id: string, given: Partial<AgentClient>): AgentClient {
  return { id, clientNames: [], userAgents: [], versionRange: null, serverIds: [], ...given };
}

const recogniser = new AgentRecogniser([
  agent('org_1', { id: 'agt_0', kind: 'PREDEFINED', clients: [client('known', { clientNames: ['bot*'], userAgents: ['bot/*'] })] }),
  agent('org_1', { id: 'agt_2', clients: [client('newer', { clientNames: ['bot-*'] })] }),
  agent('org_1', {
    id: 'agt_1',
    clients: [client('old version', { clientNames: ['bot-x'], versionRange: '<2' }), client('any version', { clientNames: ['bot-x'] })],
  }),
  agent('org_1', { id: 'agt_3', clients: [client('with a version', { userAgents: ['other/*'], versionRange: '1' })] }),
]);

test.each<[Partial<ClientClaim>, string | undefined]>([
  [{ name: 'bot' }, 'known'],
  [{ name: 'bot-y' }, 'newer'],
  [{ name: 'bot-x', version: '1.9' }, 'old version'],
  [{ name: 'bot-x', version: '2.0' }, 'any version'],
  [{ name: 'bot-x' }, 'any version'],
  [{ userAgent: 'bot/1.0 (linux)' }, 'known'],
  [{ name: 'somebody', userAgent: 'bot/1.0' }, undefined],
  // No version is known of whoever tells only his User-Agent.
  [{ userAgent: 'other/1.0' }, undefined],
  [{}, undefined],
])('%j counts as %s', (claim, clientId) => {
  const whole = { name: null, version: null, userAgent: undefined, ...claim };
  const answers = [1, 2].map(() => recogniser.recognise(whole)?.client.id);
  expect(answers).toEqual([clientId, clientId]);
});

test('a name that looks like a User-Agent is none', () => {
  expect(recogniser.recognise({ name: null, version: null, userAgent: 'bot/1' })?.client.id).toBe('known');
  expect(recogniser.recognise({ name: 'bot/1', version: 'user-agent', userAgent: undefined })?.client.id).toBe('known');
  expect(recogniser.recognise({ name: 'other/1.0', version: '1', userAgent: undefined })).toBeUndefined();
});

test('more names than are remembered are told apart all the same', () => {
  for (let index = 0; index < 2500; index++) {
    const name = index % 2 === 0 ? `bot-${index}` : `stranger-${index}`;
    expect(recogniser.recognise({ name, version: null, userAgent: undefined })?.client.id).toBe(index % 2 === 0 ? 'newer' : undefined);
  }
});
