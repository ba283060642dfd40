/** An export holds every record of the filter once, oldest first, in a form that is always the same. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { writeUsageEvent, type UsageEvent } from '../../../shared/usage-event.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { usageEvent } from '../../support/usage.ts';

/** More than two pages, and not a whole number of them. */
const EVENTS = 2345;
const START = Date.UTC(2026, 10, 20);
const FIELDS =
  'id,requestId,occurredAt,teamId,userId,userDomain,apiKeyId,apiKeyPrefix,serverId,serverSlug,transport,httpMethod,rpcMethod,tool,isToolError,status,decision,code,reason,message,observed,retryAfterSeconds,dlpOutcome,latencyMicros,upstreamLatencyMicros,inputBytes,outputBytes,costNanosUsd,sessionId,protocolVersion,clientName,clientVersion,clientIp,traceId,dataPlane,agentId,agentClientId,dlpFindings';
const lineSchema = z.record(z.string(), z.unknown());

let plane: TestControlPlane;
let events: UsageEvent[];

beforeAll(async () => {
  plane = await startTestControlPlane();
  const other = await plane.newOrganisation('other');
  events = Array.from({ length: EVENTS }, (_, index) =>
    usageEvent({
      organisationId: plane.organisationId,
      // Fewer moments than records, so that pages end between records that are alike.
      timeMillis: START + Math.floor(index / 7),
      tool: index === 0 ? '=HYPERLINK("http://192.0.2.1","a")' : index % 2 === 0 ? 'echo' : 'search, or\nfind',
      costNanosUsd: '123456789012345678901234567890',
    }),
  );
  for (const event of [...events, usageEvent({ organisationId: other.organisationId })]) plane.usageQueue.append(writeUsageEvent(event));
  await eventually(() => (plane.usageQueue.size === 0 ? true : undefined), 'every event being stored');
});
afterAll(() => plane?.close());

async function exported(search: string, token: string | null = plane.token): Promise<{ status: number; type: string | null; text: string }> {
  const response = await fetch(`${plane.url}/v1/export/usage?${search}`, { headers: token === null ? {} : { authorization: `Bearer ${token}` } });
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
}

const linesOf = (text: string) => text.split('\n').slice(0, -1);

test('every record is there once, oldest first, with amounts as text and moments as RFC 3339', async () => {
  const { status, type, text } = await exported('format=jsonl');
  expect([status, type]).toEqual([200, 'application/x-ndjson']);
  const records = linesOf(text).map((line) => lineSchema.parse(JSON.parse(line)));
  expect(new Set(records.map(({ requestId }) => requestId))).toEqual(new Set(events.map(({ requestId }) => requestId)));
  expect(records).toHaveLength(EVENTS);
  const moments = records.map(({ occurredAt }) => String(occurredAt));
  expect(moments).toEqual(moments.toSorted());
  expect(Object.keys(records[0] ?? {}).join(',')).toBe(FIELDS);
  expect(records[0]).toMatchObject({ occurredAt: '2026-11-20T00:00:00.000Z', costNanosUsd: '123456789012345678901234567890', inputBytes: '10', status: 200 });
});

test('the CSV has the same fields behind a header, quotes what it must, and no cell begins as a formula does', async () => {
  const { status, type, text } = await exported('format=csv&lt=2026-11-20T00:00:00.001Z');
  expect([status, type]).toEqual([200, 'text/csv; charset=utf-8; header=present']);
  expect(text.split('\r\n')[0]).toBe(FIELDS);
  expect(text.split('\r\n')).toHaveLength(1 + 7 + 1);
  expect(text).toContain(`,"'=HYPERLINK(""http://192.0.2.1"",""a"")",`);
  expect(text).toContain(',"search, or\nfind",');
});

test.each(['+1', '-1', '@SUM(A1)', '\tx', '\rx'])('a tool that is called %j is no formula', async (tool) => {
  plane.usageQueue.append(writeUsageEvent(usageEvent({ organisationId: plane.organisationId, timeMillis: START - 10_000, tool })));
  await eventually(() => (plane.usageQueue.size === 0 ? true : undefined), 'the event being stored');
  const { text } = await exported(`format=csv&lt=2026-11-20T00:00:00Z&tool=${encodeURIComponent(tool)}`);
  expect(text).toContain(`'${tool}`);
});

test('what rules of content found is told with the rule and never the text, as JSON in a cell', async () => {
  const finding = { direction: 'REQUEST', kind: 'KEYWORD', rule: 'project "x"', action: 'REDACT', count: 2 } as const;
  const timeMillis = START - 20_000;
  plane.usageQueue.append(writeUsageEvent(usageEvent({ organisationId: plane.organisationId, timeMillis, dlpOutcome: 'REDACTED', dlpFindings: [finding] })));
  await eventually(() => (plane.usageQueue.size === 0 ? true : undefined), 'the event being stored');
  const [line = ''] = linesOf((await exported('format=jsonl&lt=2026-11-20T00:00:00Z&dlpOutcome=REDACTED')).text);
  expect(JSON.parse(line)).toMatchObject({ dlpOutcome: 'REDACTED', dlpFindings: [finding] });
  const { text } = await exported('format=csv&lt=2026-11-20T00:00:00Z&dlpOutcome=REDACTED');
  expect(text).toContain(`,"${JSON.stringify([finding]).replaceAll('"', '""')}"\r\n`);
});

describe('the filter', () => {
  test('is joined by AND, and by OR in a list', async () => {
    const { text } = await exported('format=jsonl&gte=2026-11-20T00:00:00Z&tool=echo&tool=search%2C%20or%0Afind&status=200&decision=ALLOWED&decision=DENIED');
    expect(linesOf(text)).toHaveLength(EVENTS - 1);
    expect(linesOf((await exported('format=jsonl&tool=echo&status=403')).text)).toEqual([]);
  });

  test.each([
    ['', 'format'],
    ['format=xml', 'format'],
    ['format=csv&format=jsonl', 'format'],
    ['format=csv&gte=yesterday', 'gte'],
    ['format=csv&status=ok', 'status'],
    ['format=csv&tool=%00', 'tool'],
    ['format=csv&organisationId=org_other', 'there is a parameter that exports do not have'],
  ])('refuses %s', async (search, sentence) => {
    const { status, text } = await exported(search);
    expect(status).toBe(400);
    expect(text).toContain(sentence);
    expect(text).toContain('BAD_USER_INPUT');
  });
});

test('nobody without a token that may read usage gets any of it', async () => {
  const { token } = await plane.newAdminToken({ permissions: ['SERVER_UPDATE'] });
  expect((await exported('format=jsonl', null)).status).toBe(401);
  expect((await exported('format=jsonl', token)).status).toBe(403);
  expect((await exported('format=jsonl', (await plane.newDataPlaneToken()).token)).status).toBe(403);
});

test('a reader that goes away in the middle is no error of ours', async () => {
  const socket = connect(Number(new URL(plane.url).port), '127.0.0.1');
  socket.write(`GET /v1/export/usage?format=jsonl HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${plane.token}\r\n\r\n`);
  await once(socket, 'data');
  socket.destroy();
  await eventually(() => (plane.log().includes('a caller went away before its answer was sent') ? true : undefined), 'the export being given up');
  expect(plane.log()).not.toContain('an answer could not be finished');
});
