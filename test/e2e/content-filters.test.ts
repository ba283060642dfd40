/** What may not be said is redacted, blocked or noted in requests and answers, whatever carries it, and the record tells what was done. */
import { mkdtemp, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startAnsweringUpstream, type AnsweringUpstream } from '../support/answering-upstream.ts';
import { GatewayClient, refusalOf, toolCall, type WireAnswer } from '../support/gateway-client.ts';
import { startTestPlanes, type GovernedByTest, type TestPlanes } from '../support/planes.ts';
import { eventually, ROOT } from '../support/processes.ts';

const FIXTURE = join(ROOT, 'test/support/stdio-fixture.mjs');
const CARD = '4111 1111 1111 1111';
const MARK = '[redacted:CREDIT_CARD]';
const FORMS = ['JSON', 'event stream', 'STDIO'] as const;

let planes: TestPlanes;
let gateway: GatewayClient;
let command: string;
let answering: Record<'JSON' | 'event stream', AnsweringUpstream>;
let count = 0;

beforeAll(async () => {
  command = await realpath(process.execPath);
  const allowlist = join(await mkdtemp(join(tmpdir(), 'turnpike-allowlist-')), 'stdio-allowlist.json');
  await writeFile(allowlist, JSON.stringify({ entries: [{ command, args: [RegExp.escape(FIXTURE)], env: [] }] }));
  planes = await startTestPlanes({ TURNPIKE_STDIO_ALLOWLIST: allowlist });
  gateway = new GatewayClient(planes.dataUrl);
  const [json, events] = await Promise.all([startAnsweringUpstream({ streams: false }), startAnsweringUpstream({ streams: true })]);
  answering = { JSON: json, 'event stream': events };
}, 120_000);
afterAll(async () => {
  await planes?.close();
  await Promise.all(Object.values(answering ?? {}).map((upstream) => upstream.close()));
});

interface Server extends GovernedByTest {
  readonly slug: string;
}

async function serverOf(form: (typeof FORMS)[number], semanticFilter: object | null): Promise<Server> {
  const slug = `content-${++count}`;
  const reach = form === 'STDIO' ? { transport: 'STDIO', stdioCommand: command, stdioArgs: [FIXTURE] } : { endpointUrl: answering[form].url };
  return { slug, ...(await planes.governed({ slug, ...reach, semanticFilter })) };
}

const send = ({ slug, apiKey }: Server, tool: string, args: Record<string, unknown>): Promise<WireAnswer> =>
  gateway.send(slug, { key: apiKey, body: toolCall(tool, args), headers: { accept: 'application/json, text/event-stream' } });

const recordSchema = z.object({
  dlpOutcome: z.string(),
  dlpFindings: z.array(z.object({ direction: z.string(), kind: z.string(), rule: z.string(), action: z.string(), count: z.number() })),
  decision: z.string(),
  observed: z.array(z.string()),
  denial: z.object({ reason: z.string() }).nullable(),
});

function recordOf({ headers }: WireAnswer): Promise<z.infer<typeof recordSchema>> {
  const id = headers.get('turnpike-request-id');
  return eventually(async () => {
    const query =
      'query($id: String!) { usageRecord(requestId: $id) { dlpOutcome dlpFindings { direction kind rule action count } decision observed denial { reason } } }';
    const { usageRecord } = await planes.control.admin.query(query, { id });
    return usageRecord === null ? undefined : recordSchema.parse(usageRecord);
  }, `the record of ${id}`);
}

/** The last message of an answer in either form. */
function lastOf({ text }: WireAnswer): unknown {
  const events = [...text.matchAll(/^data: (.+)$/gm)].map((match) => match[1] ?? '');
  return JSON.parse(events.at(-1) ?? text);
}

const answer = (rest: string): string => `{"jsonrpc":"2.0","id":{{id}},${rest}}`;
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const REPRESENTATIONS: readonly [string, (text: string) => string][] = [
  ['content', (text) => answer(`"result":{"content":[{"type":"text","text":"a ${text} b"}]}`)],
  ['structured content', (text) => answer(`"result":{"content":[],"structuredContent":{"rows":[{"card":"${text}"}]}}`)],
  ['an embedded resource', (text) => answer(`"result":{"content":[{"type":"resource","resource":{"uri":"x:y","text":"${text}"}}]}`)],
  ['a resource in Base64', (text) => answer(`"result":{"contents":[{"uri":"x:y","mimeType":"text/plain","blob":"${base64(`is ${text}`)}"}]}`)],
  ['a prompt', (text) => answer(`"result":{"messages":[{"role":"user","content":{"type":"text","text":"${text}"}}]}`)],
  ['an error', (text) => answer(`"error":{"code":-32000,"message":"no ${text}","data":{"why":["${text}"]}}`)],
];

describe.each(FORMS)('an answer as %s', (form) => {
  const filterWith = (action: string) => ({ detectors: ['CREDIT_CARD'], applyTo: ['RESPONSE'], action });
  let [redacting, blocking, observing]: Server[] = [];

  beforeAll(async () => {
    [redacting, blocking, observing] = await Promise.all(['REDACT', 'BLOCK', 'OBSERVE'].map((action) => serverOf(form, filterWith(action))));
  });

  test.each(REPRESENTATIONS)('with a card in %s', async (_where, written) => {
    if (redacting === undefined || blocking === undefined || observing === undefined) throw new Error('the servers are not there');
    const line = written(CARD);
    const meant = (text: string): unknown => JSON.parse(written(text).replace('{{id}}', '1'));
    const redacted = await send(redacting, 'raw', { line });
    expect(lastOf(redacted)).toEqual(meant(MARK));
    expect(await recordOf(redacted)).toMatchObject({
      dlpOutcome: 'REDACTED',
      decision: 'ALLOWED',
      dlpFindings: [{ direction: 'RESPONSE', kind: 'DETECTOR', rule: 'CREDIT_CARD', action: 'REDACT' }],
    });
    const blocked = await send(blocking, 'raw', { line });
    expect(blocked.text).not.toContain(CARD);
    expect(lastOf(blocked)).toMatchObject({ error: { data: { reason: 'semantic_filter', rule: 'semanticFilter.detectors' } } });
    expect(await recordOf(blocked)).toMatchObject({ dlpOutcome: 'BLOCKED', decision: 'DENIED', denial: { reason: 'semantic_filter' } });
    const observed = await send(observing, 'raw', { line });
    expect(lastOf(observed)).toEqual(meant(CARD));
    expect(await recordOf(observed)).toMatchObject({ dlpOutcome: 'OBSERVED', decision: 'ALLOWED', observed: ['mcp_guardrail_block/semantic_filter'] });
  });

  test('without one passes as it came, and its record says so', async () => {
    if (redacting === undefined) throw new Error('the server is not there');
    const line = answer('"result" : {"content":[{"type":"text","text":"\\u0034111 1111 1111 1112"}]}');
    const passed = await send(redacting, 'raw', { line });
    expect(passed.text).toContain('"\\u0034111 1111 1111 1112"');
    expect(await recordOf(passed)).toMatchObject({ dlpOutcome: 'NONE', dlpFindings: [] });
  });
});

describe('on an event stream', () => {
  const LINES = [
    `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"log ${CARD}"}}`,
    `{"jsonrpc":"2.0","id":"q","method":"sampling/createMessage","params":{"messages":[{"role":"user","content":{"type":"text","text":"sum ${CARD}"}}],"maxTokens":9}}`,
    `{"jsonrpc":"2.0","id":"e","method":"elicitation/create","params":{"message":"is it ${CARD}?","requestedSchema":{"type":"object","properties":{}}}}`,
  ];
  const line = answer('"result":{"content":[]}');

  test('each event is redacted as it comes, and keeps its other fields', async () => {
    const server = await serverOf('event stream', { detectors: ['CREDIT_CARD'], applyTo: ['RESPONSE'], action: 'REDACT' });
    const streamed = await send(server, 'raw', { lines: LINES, line });
    const expected = [...LINES.map((one) => one.replace(CARD, MARK)), line.replace('{{id}}', '1')];
    expect(streamed.text).toBe(expected.map((one) => `event: message\nid: 1\ndata: ${one}\n\n`).join(''));
    expect(await recordOf(streamed)).toMatchObject({ dlpOutcome: 'REDACTED', dlpFindings: [{ count: 3 }] });
  });

  test('a blocked event ends the stream with the reason, behind what was said before', async () => {
    const server = await serverOf('event stream', { detectors: ['CREDIT_CARD'], applyTo: ['RESPONSE'], action: 'BLOCK' });
    const harmless = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"begun"}}';
    const streamed = await send(server, 'raw', { lines: [harmless, ...LINES], line });
    expect(streamed.text).toContain(harmless);
    expect(streamed.text).not.toContain(CARD);
    expect(lastOf(streamed)).toMatchObject({ error: { data: { reason: 'semantic_filter' } } });
    expect(await recordOf(streamed)).toMatchObject({ dlpOutcome: 'BLOCKED', decision: 'DENIED' });
  });
});

describe('a request', () => {
  const filter = { blockedKeywords: ['bluebird'], detectors: ['EMAIL'], action: 'REDACT' };

  test.each(['JSON', 'event stream'] as const)('reaches a server that answers as %s without what was redacted, and else byte for byte', async (form) => {
    const server = await serverOf(form, filter);
    const args = (text: string, address: string) => `{"note" : "about ${text}", "n":1.0,"to":["${address}"]}`;
    const body = (given: string) => ` {"jsonrpc":"2.0","id":17,"method":"tools/call","params":{"name":"x","arguments":${given}}}`;
    const sent = await gateway.send(server.slug, {
      key: server.apiKey,
      body: body(args('Blue\u200bBIRD', 'joe@example.com')),
      headers: { accept: 'application/json, text/event-stream' },
    });
    expect(sent.status).toBe(200);
    expect(answering[form].calls.at(-1)).toBe(body(args('[redacted:KEYWORD]', '[redacted:EMAIL]')));
    expect(await recordOf(sent)).toMatchObject({
      dlpOutcome: 'REDACTED',
      dlpFindings: [{ direction: 'REQUEST', kind: 'KEYWORD', rule: 'bluebird' }, { rule: 'EMAIL' }],
    });
  });

  test('reaches a program without what was redacted', async () => {
    const server = await serverOf('STDIO', filter);
    const echoed = await send(server, 'echo', { text: 'to joe@example.com' });
    expect(lastOf(echoed)).toMatchObject({ id: 1, result: { content: [{ text: 'to [redacted:EMAIL]' }] } });
  });

  test('with a word in a key is blocked, and no server hears of it', async () => {
    const server = await serverOf('JSON', filter);
    const before = answering.JSON.calls.length;
    const blocked = await send(server, 'x', { bluebird: 1 });
    expect(refusalOf({ ...blocked }).data.reason).toBe('semantic_filter');
    expect(answering.JSON.calls).toHaveLength(before);
    expect(await recordOf(blocked)).toMatchObject({ dlpOutcome: 'BLOCKED', decision: 'DENIED' });
  });
});

describe('the filter of the organisation', () => {
  const set = (filter: object | null) => planes.control.admin.mutate('setOrganisationFilter', 'SetOrganisationFilterInput', { filter }, 'organisation { id }');

  test('holds at a server without one, and the stricter of two decides', async () => {
    const plain = await serverOf('JSON', null);
    const strict = await serverOf('JSON', { blockedKeywords: ['bluebird'], action: 'BLOCK' });
    await set({ blockedKeywords: ['bluebird'], action: 'REDACT' });
    await eventually(
      async () => ((await recordOf(await send(plain, 'x', { v: 'bluebird' }))).dlpOutcome === 'REDACTED' ? true : undefined),
      'the filter in force',
    );
    expect(answering.JSON.calls.at(-1)).toContain('"v":"[redacted:KEYWORD]"');
    const blocked = await send(strict, 'x', { v: 'bluebird' });
    expect(refusalOf(blocked).data.reason).toBe('semantic_filter');
    expect((await recordOf(blocked)).dlpFindings).toHaveLength(1);
    await set(null);
    await eventually(async () => ((await recordOf(await send(plain, 'x', { v: 'bluebird' }))).dlpOutcome === 'NONE' ? true : undefined), 'the filter gone');
  });
});

test('records are found and counted by what was done', async () => {
  const query = `query($dlp: [DlpOutcome!]) {
    usageRecords(filter: {dlpOutcome: $dlp, range: {}}) { nodes { dlpOutcome } }
    usageFacets(filter: {range: {}}, fields: [DLP_OUTCOME]) { values { value count } }
  }`;
  const server = await serverOf('JSON', { blockedKeywords: ['bluebird'], action: 'OBSERVE' });
  await recordOf(await send(server, 'x', { v: 'bluebird' }));
  const answered = await planes.control.admin.query(query, { dlp: ['OBSERVED'] });
  const { nodes } = z.object({ nodes: z.array(z.object({ dlpOutcome: z.string() })) }).parse(answered['usageRecords']);
  expect(new Set(nodes.map(({ dlpOutcome }) => dlpOutcome))).toEqual(new Set(['OBSERVED']));
  expect(JSON.stringify(answered['usageFacets'])).toContain('"OBSERVED"');
});
