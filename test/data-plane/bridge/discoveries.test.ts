/** What is learned of a server's revision: once for all who ask, kept for a while, and nothing of a server that is away. */
import { expect, test } from 'vitest';
import { Discoveries } from '../../../data-plane/bridge/discoveries.ts';
import type { AnswerSink, UpstreamRequest } from '../../../data-plane/transports/transport.ts';
import { JSON_HEAD } from '../../../data-plane/transports/answer-forms.ts';
import { Refusal } from '../../../shared/refusal.ts';
import { eventually } from '../../support/processes.ts';
import { stdioServer, upstreamRequest } from '../../support/stdio-caller.ts';

const MODERN = { result: { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } } };
const LEGACY = { error: { code: -32_601, message: 'Method not found' } };

/** A server that answers each question in turn with what stands for it, and the last one again and again. */
function startAsking(...answers: (({ readonly status?: number } & object) | Refusal)[]) {
  const asked: UpstreamRequest[] = [];
  let millis = 0;
  const transport = {
    send: (request: UpstreamRequest, sink: AnswerSink) => {
      asked.push(request);
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      queueMicrotask(() => {
        if (answer instanceof Refusal) sink.fail(answer);
        else {
          const { status = 200, ...message } = answer ?? {};
          sink.answer({ ...JSON_HEAD, status }, Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 'turnpike', ...message })));
        }
      });
      return { resume: () => undefined, cancel: () => undefined };
    },
  };
  const discoveries = new Discoveries(transport, { now: () => millis, elapsed: () => millis });
  return { discoveries, asked, wait: (more: number) => void (millis += more), request: upstreamRequest(stdioServer(), undefined) };
}

test('a server of the revision is asked once, however many wait', async () => {
  const { discoveries, asked, request } = startAsking(MODERN);
  const answers = await Promise.all([discoveries.learn(request), discoveries.learn(request)]);
  expect(answers).toMatchObject([MODERN.result, MODERN.result]);
  expect(await discoveries.learn(request)).toMatchObject(MODERN.result);
  expect(asked).toHaveLength(1);
  expect(asked[0]?.forwardedHeaders).toEqual(['mcp-protocol-version', '2026-07-28', 'mcp-method', 'server/discover']);
});

test.each([LEGACY, { result: { content: [] } }, { result: { supportedVersions: ['2025-11-25'] } }])('%o is no word of the revision', async (answer) => {
  const { discoveries, request } = startAsking(answer);
  expect(await discoveries.learn(request)).toBeUndefined();
  expect(discoveries.known(request)).toMatchObject({ answer: undefined });
});

test('a page in place of an answer is one that does not know the question', async () => {
  const { discoveries, request } = startAsking(new Refusal('upstream_error', 'bad_status', undefined, { upstreamStatus: 404 }));
  expect(await discoveries.learn(request)).toBeUndefined();
  expect(discoveries.known(request)).toMatchObject({ answer: undefined });
});

test('a server that fails has said nothing', async () => {
  const { discoveries, request } = startAsking(new Refusal('upstream_error', 'bad_status', undefined, { upstreamStatus: 503 }));
  await expect(discoveries.learn(request)).rejects.toMatchObject({ reason: 'bad_status' });
  expect(discoveries.known(request)).toBeUndefined();
});

test.each([408, 429])('a server that puts off whoever asks (%i) has said nothing either, and what is known of it stands', async (upstreamStatus) => {
  const { discoveries, asked, wait, request } = startAsking(MODERN, new Refusal('upstream_error', 'bad_status', undefined, { upstreamStatus }), {
    ...LEGACY,
    status: upstreamStatus,
  });
  await discoveries.learn(request);
  for (const times of [2, 3]) {
    wait(600_000);
    discoveries.known(request);
    await eventually(() => (asked.length === times ? true : undefined), 'the question');
    await new Promise(setImmediate);
  }
  expect(discoveries.known(request)).toMatchObject({ answer: MODERN.result });
});

test('of a server that is away nothing is known, so it is asked again', async () => {
  const { discoveries, asked, request } = startAsking(new Refusal('upstream_error', 'unreachable'), MODERN);
  await expect(discoveries.learn(request)).rejects.toMatchObject({ reason: 'unreachable' });
  expect(discoveries.known(request)).toBeUndefined();
  expect(await discoveries.learn(request)).toMatchObject(MODERN.result);
  expect(asked).toHaveLength(2);
});

test('what is old stands until the server has been asked again', async () => {
  const { discoveries, asked, wait, request } = startAsking(LEGACY, MODERN);
  await discoveries.learn(request);
  wait(600_000);
  expect(await discoveries.learn(request)).toBeUndefined();
  expect(asked).toHaveLength(2);
  expect(await eventually(() => discoveries.known(request)?.answer, 'the new answer')).toMatchObject(MODERN.result);
  expect(asked).toHaveLength(2);
});

test('what one path answers says nothing of another', async () => {
  const { discoveries, request } = startAsking(new Refusal('upstream_error', 'bad_status', undefined, { upstreamStatus: 404 }), MODERN);
  expect(await discoveries.learn({ ...request, tailPath: '/nothing/here' })).toBeUndefined();
  expect(discoveries.known(request)).toBeUndefined();
  expect(await discoveries.learn(request)).toMatchObject(MODERN.result);
});

test('a caller who tries many paths finds no end of room', async () => {
  const { discoveries, asked, request } = startAsking(LEGACY);
  for (let path = 0; path <= 64; path++) await discoveries.learn({ ...request, tailPath: `/${path}` });
  expect(discoveries.known({ ...request, tailPath: '/0' })).toBeUndefined();
  expect(discoveries.known({ ...request, tailPath: '/64' })).toBeDefined();
  expect(asked).toHaveLength(65);
});
