/** Prints what reading and judging a body costs: `node test/bench/parsing.ts`, CPU microseconds of one operation, least disturbed round. */
import { createEventStreamFilter } from '../../data-plane/mcp/event-stream-filter.ts';
import { compileFilter } from '../../shared/content-filter/compiled-filter.ts';
import { filterLists } from '../../data-plane/guardrails/list-filter.ts';
import { compileToolRules } from '../../shared/tool-rules.ts';
import { faultOfAnswer } from '../../data-plane/transports/answer-envelope.ts';
import { readRpcCall } from '../../data-plane/mcp/read-rpc-call.ts';

const ROUNDS = 5;
const ROUND_BYTES = 10_000_000;

function call(name: string, args: object): Buffer {
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 17, method: 'tools/call', params: { name, arguments: args, _meta: { progressToken: 17 } } }));
}

const edits = (count: number): object[] =>
  Array.from({ length: count }, (_, index) => ({
    path: `src/module-${index}.ts`,
    line: index * 3,
    text: `const value${index} = compute("${index}"); // see the notes`,
    tags: ['a', 'b'],
    isNew: true,
  }));

const bodies: Readonly<Record<string, Buffer>> = {
  '250 B': call('search_issues', {
    repository: 'octo/hello',
    query: 'is:open label:bug crash on start',
    limit: 20,
    sort: 'updated',
    fields: ['title', 'state'],
  }),
  '3 KB': call('edit', { edits: edits(25) }),
  '50 KB': call('edit', { edits: edits(400) }),
  '50 KB of text': call('write', { path: 'a', content: 'The quick brown fox said "hello" to the dog.\n'.repeat(1000) }),
  '50 KB of Japanese': call('write', { path: 'a', content: '日本語のテキストです。\n'.repeat(1400) }),
};

const words = ['confidential', 'private key', 'secret', 'passwd', 'internal only', 'customer record', 'salary', 'merger', 'classified', 'do not share'];
const blockedKeywords = Array.from({ length: 50 }, (_, index) => `${words[index % words.length]} ${index}`);
const blockedPatterns = [
  'AKIA[0-9A-Z]{16}',
  'ghp_[A-Za-z0-9]{36}',
  '-----BEGIN [A-Z ]*PRIVATE KEY-----',
  '\\b\\d{3}-\\d{2}-\\d{4}\\b',
  'sk-[a-zA-Z0-9]{20,}',
  'password\\s*[:=]\\s*\\S+',
];
const keywords = compileFilter({ blockedKeywords, blockedPatterns: [], detectors: [], applyTo: ['REQUEST'], action: 'BLOCK' });
const patterns = compileFilter({ blockedKeywords: [], blockedPatterns, detectors: [], applyTo: ['REQUEST'], action: 'BLOCK' });
const rules = compileToolRules({ allowedTools: [], blockedTools: Array.from({ length: 20 }, (_, index) => `delete_thing_${index}`) });

/** CPU microseconds of one run. */
function cost(run: () => unknown, bytes: number): number {
  const runs = Math.ceil(ROUND_BYTES / bytes);
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round <= ROUNDS; round++) {
    const start = process.cpuUsage();
    for (let count = 0; count < runs; count++) run();
    const { user, system } = process.cpuUsage(start);
    if (round > 0) least = Math.min(least, (user + system) / runs);
  }
  return least;
}

const rows = Object.entries(bodies).map(([size, body]) => {
  const value: unknown = JSON.parse(body.toString('utf8'));
  const parse = cost(() => JSON.parse(body.toString('utf8')), body.length);
  const read = cost(() => readRpcCall(body), body.length);
  const found = cost(() => keywords.findIn(value), body.length);
  const matched = cost(() => patterns.findIn(value), body.length);
  return {
    size,
    'JSON.parse': parse,
    readRpcCall: read,
    'times JSON.parse': read / parse,
    '50 keywords': found,
    'keywords/KB': (found / body.length) * 1024,
    '6 patterns': matched,
  };
});

function answer(result: object): Buffer {
  return Buffer.from(JSON.stringify({ result, jsonrpc: '2.0', id: 17 }));
}

const answers: Readonly<Record<string, Buffer>> = {
  '300 B': answer({
    content: [{ type: 'text', text: 'Sunny. '.repeat(17) }],
    structuredContent: { city: 'Berlin', degrees: 21.5, isRaining: false, tags: ['a'] },
  }),
  '50 KB of edits': answer({ edits: edits(400) }),
  '50 KB of text': answer({ content: [{ type: 'text', text: 'The quick brown fox said hello to the dog. '.repeat(1150) }] }),
};

const tools = Array.from({ length: 60 }, (_, index) => ({
  name: index % 3 === 0 ? `delete_thing_${index / 3}` : `read_thing_${index}`,
  description: 'Does one thing and does it well.',
  inputSchema: { type: 'object', properties: { path: { type: 'string' }, limit: { type: 'integer' } }, required: ['path'] },
}));
const list = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools } }));
const event = Buffer.from('event: message\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":50}}\n\n');
const stream = createEventStreamFilter((data) => data, 1_000_000);
const listRules = [{ member: 'tools', entryKey: 'name', judgedKeys: ['name'], hides: (tool: string): boolean => rules.verdictOn(tool) !== 'allowed' }];

const round = (figure: number): number => Number(figure.toFixed(2));
process.stdout.write(
  `${JSON.stringify(
    rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, figure]) => [name, typeof figure === 'number' ? round(figure) : figure]))),
    null,
    1,
  )}\n`,
);
process.stdout.write(`verdict on a tool: ${round(cost(() => rules.verdictOn('search_issues'), 20))}\n`);
process.stdout.write(`tools/list of ${list.length} bytes, 20 of 60 hidden: ${round(cost(() => filterLists(list, listRules), list.length))}\n`);
process.stdout.write(`an event that passes: ${round(cost(() => [...stream.push(event)], event.length))}\n`);
for (const [size, body] of Object.entries(answers)) {
  const [judged, parsed] = [cost(() => faultOfAnswer(body, '17'), body.length), cost(() => JSON.parse(body.toString('utf8')), body.length)];
  process.stdout.write(`an answer of ${size} (${body.length} bytes): ${round(judged)}; JSON.parse: ${round(parsed)}\n`);
}
