/** The stream of an old client, as the one who keeps an eye on open streams sees it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { compileServer } from '../../../data-plane/config/compile-server.ts';
import type { Outcome } from '../../../data-plane/evidence.ts';
import { Exchange } from '../../../data-plane/exchange.ts';
import { contentRulesOf } from '../../../data-plane/guardrails/content-rules.ts';
import type { Governing } from '../../../data-plane/list-visibility.ts';
import { DoorStream } from '../../../data-plane/old-clients/door-stream.ts';
import type { OpenStream } from '../../../data-plane/open-streams.ts';
import { Trail } from '../../../data-plane/trail.ts';
import { systemClock } from '../../../shared/clock.ts';
import type { McpServer } from '../../../shared/mcp-server.ts';
import { Refusal } from '../../../shared/refusal.ts';
import { testSealer } from '../../support/config-frames.ts';
import { mcpServer } from '../../support/domain.ts';
import { listenOnLoopback } from '../../support/loopback.ts';
import { eventually } from '../../support/processes.ts';
import { readAlong, type StreamText } from '../../support/stream-text.ts';

interface Opened extends StreamText {
  readonly stream: DoorStream;
  /** Those that are kept an eye on. */
  readonly watched: ReadonlySet<OpenStream>;
  readonly outcomes: readonly Outcome[];
}

const config = mcpServer('org_1');

function governing(given: Partial<McpServer>): Governing {
  return { server: compileServer({ ...config, ...given }, testSealer), plan: { content: contentRulesOf([]) } };
}

async function open(): Promise<Opened> {
  const arrival = Promise.withResolvers<[IncomingMessage, ServerResponse]>();
  const server = await listenOnLoopback(createServer((request, response) => arrival.resolve([request, response])));
  onTestFinished(() => server.close());
  const answering = fetch(server.origin);
  const [request, response] = await arrival.promise;
  const watched = new Set<OpenStream>();
  const outcomes: Outcome[] = [];
  const streams = { add: (stream: OpenStream) => void watched.add(stream), remove: (stream: OpenStream) => void watched.delete(stream) };
  const exchange = new Exchange(request, response, { identifier: config.slug, tailPath: '' }, systemClock);
  const stream = new DoorStream({ clock: systemClock, streams }, exchange, new Trail(), governing({}), {
    session: () => undefined,
    onRoom: () => undefined,
    onServer: () => undefined,
    onEnd: (outcome) => void outcomes.push(outcome),
  });
  stream.open('/v1/mcp/tools/messages?sessionId=x');
  const along = readAlong(await answering);
  onTestFinished(along.leave);
  return { ...along, stream, watched, outcomes };
}

const ENDPOINT = 'event: endpoint\ndata: /v1/mcp/tools/messages?sessionId=x\n\n';

test('a silent stream gets a comment, and one that was written to since does not', async () => {
  const { stream, watched, text } = await open();
  expect([...watched]).toEqual([stream]);
  stream.keepAlive(0);
  stream.keepAlive(systemClock.elapsed());
  stream.tell(Buffer.from('{}'));
  await eventually(() => (text().endsWith('{}\n\n') ? true : undefined), 'the message');
  expect(text()).toBe(`${ENDPOINT}:\n\nevent: message\ndata: {}\n\n`);
});

const PIN = { name: 'echo', fingerprint: '', isEnabled: false, isChanged: false, isReviewed: true, isDestructive: false };
const HIDING: [string, Partial<McpServer>][] = [
  ['blocked', { blockedTools: ['echo'] }],
  ['to be reviewed', { toolReview: 'ALL' }],
  ['switched off', { toolPins: [PIN] }],
];

test.each(HIDING)('a client is told when a tool is %s, and not of other changes', async (_how, hiding) => {
  const { stream, text } = await open();
  stream.follows(governing({ name: 'another' }));
  stream.follows(governing(hiding));
  await eventually(() => (text().length > ENDPOINT.length ? true : undefined), 'a notification');
  expect(text().slice(ENDPOINT.length)).toBe('event: message\ndata: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n');
});

test('a stream that is cut says why, ends once, and is watched no longer', async () => {
  const { stream, watched, outcomes, text, isOpen } = await open();
  stream.cut(new Refusal('unauthorized', 'revoked_key'));
  stream.cut(new Refusal('unauthorized', 'expired_key'));
  stream.tell(Buffer.from('{"late":true}'));
  await eventually(() => (isOpen() ? undefined : true), 'the end');
  expect(text()).toContain('"reason":"revoked_key"');
  expect(text()).not.toMatch(/expired_key|late/);
  expect([outcomes.map(({ status }) => status), watched.size]).toEqual([[401], 0]);
});
