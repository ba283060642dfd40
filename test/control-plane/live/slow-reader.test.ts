/** Whoever does not read for a while costs the control plane nothing, and is told how much was left out. */
import { once } from 'node:events';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { writeUsageEvent } from '../../../shared/usage-event.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { usageEvent } from '../../support/usage.ts';

/** More than every buffer between the two holds, and far more than a live reader may be behind. */
const RECORDS = 8000;
const LONG = 'x'.repeat(4000);
const eventSchema = z.object({
  type: z.literal('next'),
  payload: z.object({
    data: z.object({
      usageRecordAdded: z.object({ dropped: z.number(), record: z.object({ requestId: z.string(), denial: z.object({ message: z.string() }) }) }),
    }),
  }),
});

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

test('a reader who pauses goes on with the newest, and every record was told or counted as dropped', async () => {
  const socket = new WebSocket(plane.graphqlUrl.replace('http', 'ws'), 'graphql-transport-ws');
  onTestFinished(() => socket.terminate());
  let [told, dropped] = [0, 0];
  let last: string | undefined;
  let isAcknowledged = false;
  socket.on('message', (data) => {
    const text = Buffer.isBuffer(data) ? data.toString('utf8') : '';
    isAcknowledged ||= text.includes('connection_ack');
    const event = eventSchema.safeParse(JSON.parse(text)).data?.payload.data.usageRecordAdded;
    if (event === undefined) return;
    told += 1;
    dropped += event.dropped;
    last = event.record.requestId;
  });
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${plane.token}` } }));
  await eventually(() => (isAcknowledged ? true : undefined), 'the acknowledgement');
  const query = 'subscription { usageRecordAdded(filter: {range: {}}) { dropped record { requestId denial { message } } } }';
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }));
  let recorded = 0;
  const record = () => {
    const event = usageEvent({ organisationId: plane.organisationId, decision: 'DENIED', code: 'unauthorized', reason: 'unknown_key', message: LONG });
    plane.usageQueue.append(writeUsageEvent(event));
    recorded += 1;
    return event.requestId;
  };
  // It may begin to follow only after something was recorded.
  await eventually(() => (told > 0 ? true : void record()), 'the first record');
  await eventually(() => (plane.usageQueue.size === 0 ? true : undefined), 'all of them being stored');
  await eventually(async () => {
    const [row] = await plane.database.query('select request_id from usage_records order by sequence desc limit 1');
    return row?.['request_id'] === last ? true : undefined;
  }, 'the reader being there');
  const before = told;
  socket.pause();
  // It sees no ping either, and would be taken for gone before everything is stored on a slow machine.
  const signs = setInterval(() => socket.pong(), 1000);
  onTestFinished(() => clearInterval(signs));
  recorded = 0;
  let newest = '';
  for (let index = 0; index < RECORDS; index++) newest = record();
  await eventually(() => (plane.usageQueue.size === 0 ? true : undefined), 'everything being stored', 60_000);
  socket.resume();
  await eventually(() => (last === newest ? true : undefined), 'the newest record', 60_000);
  expect(dropped).toBeGreaterThan(0);
  expect(told - before + dropped).toBe(RECORDS);
}, 120_000);
