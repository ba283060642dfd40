/** The ear of an old client: it comes back to streams that were lost, and to none that was refused. */
import { expect, onTestFinished, test } from 'vitest';
import { AnswerGuard } from '../../../data-plane/guardrails/answer-guard.ts';
import { UpstreamListener } from '../../../data-plane/old-clients/upstream-listener.ts';
import { planOf } from '../../../data-plane/policies/governance-plan.ts';
import type { AnswerSink } from '../../../data-plane/transports/transport.ts';
import { EVENTS_HEAD } from '../../../data-plane/transports/answer-forms.ts';
import { Refusal } from '../../../shared/refusal.ts';
import { TokenHasher } from '../../../shared/token.ts';
import { stateOf, testSecretKey } from '../../support/config-frames.ts';
import { accessGrant, apiKey, mcpServer, organisation, snapshotOf } from '../../support/domain.ts';
import { Trail } from '../../../data-plane/trail.ts';
import { eventually } from '../../support/processes.ts';

interface Listening {
  readonly listener: UpstreamListener;
  /** What each stream was asked from. */
  readonly asked: (string | undefined)[];
  readonly told: string[];
  readonly condemned: unknown[];
  refusals(): number;
}

/** Each stream that is asked for is answered by the next of the script. */
async function listen(...script: ((sink: AnswerSink) => void)[]): Promise<Listening> {
  const newGuard = await guardOf();
  const [asked, told, condemned]: [(string | undefined)[], string[], unknown[]] = [[], [], []];
  let refusals = 0;
  const listener = new UpstreamListener(
    (sink, lastEventId) => {
      asked.push(lastEventId);
      script.shift()?.(sink);
      return { resume: () => undefined, cancel: () => undefined };
    },
    {
      eventBytesMax: 1024 * 1024,
      newGuard,
      tell: (message) => told.push(message.toString()) > 0,
      condemn: (error) => condemned.push(error),
      onRefused: () => void refusals++,
    },
  );
  onTestFinished(() => listener.cancel());
  return { listener, asked, told, condemned, refusals: () => refusals };
}

async function guardOf(): Promise<() => AnswerGuard> {
  const acme = organisation();
  const { key } = apiKey(acme.id, new TokenHasher(testSecretKey.derive('token-hash')));
  const config = {
    ...mcpServer(acme.id),
    semanticFilter: { blockedKeywords: ['secret'], blockedPatterns: [], detectors: [], applyTo: ['RESPONSE' as const], action: 'BLOCK' as const },
  };
  const grant = accessGrant(key, config);
  const { snapshot } = await stateOf('1', snapshotOf({ organisations: [acme], apiKeys: [key], mcpServers: [config], accessGrants: [grant] }));
  const server = snapshot.servers.get(acme.id)?.get(config.id);
  if (server === undefined) throw new Error('the snapshot lacks its server');
  const access = { key, server, grant, plan: planOf(snapshot, key, server, grant) };
  const rpc = { call: undefined, message: undefined, era: 'legacy', session: undefined } as const;
  return () => new AnswerGuard({ access, rpc, listRules: [] }, new Trail());
}

const says = (events: string) => (sink: AnswerSink) => {
  sink.open(EVENTS_HEAD);
  sink.write(Buffer.from(events));
};

test('a stream that ends is taken up again behind its last event, and one that the server then refuses is given up', async () => {
  const { listener, asked, told, refusals } = await listen(
    (sink) => {
      says('id: 7\ndata: {"one":1}\n\n')(sink);
      sink.end();
    },
    (sink) => sink.answer({ ...EVENTS_HEAD, status: 405 }, Buffer.alloc(0)),
  );
  await eventually(() => (listener.isOver ? true : undefined), 'the end of listening');
  expect([asked, told, refusals()]).toEqual([[undefined, '7'], ['{"one":1}'], 1]);
});

test('a server that has no stream is not asked again', async () => {
  const { listener, asked } = await listen((sink) => sink.fail(new Refusal('upstream_error', 'unreachable')));
  expect([listener.isOver, asked]).toEqual([true, [undefined]]);
});

test('a stream that the server has condemned itself is not taken up, however it was lost', async () => {
  const { listener, refusals } = await listen((sink) => {
    says(':\n\n')(sink);
    sink.fail(new Refusal('stdio_error', 'stdio_exited'));
  });
  expect([listener.isOver, refusals()]).toEqual([true, 1]);
});

test('nothing is told of an event that holds what is blocked, nor of what follows it', async () => {
  const { listener, told, condemned } = await listen(says('data: {"a":"fine"}\n\ndata: {"b":"a secret"}\n\ndata: {"c":"too late"}\n\n'));
  expect([listener.isOver, told, condemned.length]).toEqual([true, ['{"a":"fine"}'], 1]);
});
