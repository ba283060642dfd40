/** A STDIO server for tests that answers byte for byte what it is asked to, and misbehaves in each known way. */
import { spawn } from 'node:child_process';
import { fstatSync, readdirSync } from 'node:fs';

const mode = process.env.FIXTURE_MODE ?? 'normal';
const hanging = new Set();
const cancelled = [];
const held = [];
const replies = [];
const heard = [];
const memory = [];
let replyExpected;

const write = (text) => process.stdout.write(`${text}\n`);
const answer = (id, result) => write(JSON.stringify({ result, jsonrpc: '2.0', id }));
const notify = (method, params) => write(JSON.stringify({ jsonrpc: '2.0', method, params }));

const tools = {
  echo: ({ id, args }) => answer(id, { content: [{ type: 'text', text: String(args.text) }] }),
  /** Echoes what arrives in one turn of the loop, last come first served. */
  echoReversed: ({ id, args }) => {
    if (held.push({ id, args }) > 1) return;
    setImmediate(() => held.splice(0).toReversed().forEach(tools.echo));
  },
  /** The line as it arrived. */
  line: ({ id, line }) => answer(id, { line: Buffer.from(line).toString('base64') }),
  /** Lines that are written as they are given, before the answer. */
  say: ({ id, args }) => {
    for (const text of args.lines) write(text);
    answer(id, {});
  },
  /** Pings from now on, for ever. */
  chatter: ({ id }) => {
    setInterval(() => write('{"jsonrpc":"2.0","id":"ping","method":"ping"}'), 20);
    answer(id, {});
  },
  mumble: ({ id }) => {
    const invalid = Buffer.from([0xff, 0xfe]);
    process.stdout.write(Buffer.concat([Buffer.from('{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"'), invalid, Buffer.from('"}}\n')]));
    process.stdout.write(Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":"m","method":"roots/list","params":{"data":"'), invalid, Buffer.from('"}}\n')]));
    answer(id, {});
  },
  /** Answers to its requests, and notifications, as they arrived. */
  told: ({ id }) => answer(id, { replies, heard }),
  remember: ({ id, args }) => {
    if (args.text !== undefined) memory.push(args.text);
    answer(id, { memory });
  },
  /** A result that is written exactly as given; `{{id}}` and `{{token}}` are replaced. */
  raw: ({ id, args, token }) => write(args.line.replaceAll('{{id}}', id).replaceAll('{{token}}', JSON.stringify(token))),
  pid: ({ id }) => answer(id, { pid: process.pid }),
  crash: () => process.exit(3),
  farewell: ({ id }) => process.stdout.write(`{"jsonrpc":"2.0","id":${id},"result":{"last":true}}\n`, () => process.exit(0)),
  die: () => process.kill(process.pid, 'SIGKILL'),
  stall: () => process.kill(process.pid, 'SIGSTOP'),
  hang: ({ id }) => void hanging.add(id),
  cancelled: ({ id }) => answer(id, { cancelled, hanging: [...hanging] }),
  late: ({ id }) => {
    for (const hung of hanging) answer(hung, { late: true });
    answer(id, {});
  },
  garbage: ({ id }) => {
    for (const text of [
      'starting up…',
      '{"jsonrpc":"2.0",',
      '[]',
      '42',
      '"text"',
      '{"jsonrpc":"2.0","id":"1","result":{}}',
      '{"id":1e400}',
      '\u0000\u0001',
      '',
      '{}',
    ])
      write(text);
    write('{"jsonrpc":"2.0","id":987654,"result":{"for":"nobody"}}');
    process.stdout.write(Buffer.from([0x7b, 0xff, 0xfe, 0x7d, 0x0a]));
    answer(id, { ok: true });
  },
  huge: ({ args }) => process.stdout.write(Buffer.alloc(args.bytes, 'x')),
  large: ({ id, args }) => answer(id, { text: 'x'.repeat(args.bytes) }),
  twice: ({ id }) => {
    answer(id, { count: 1 });
    answer(id, { count: 2 });
  },
  empty: ({ id }) => write(`{"jsonrpc":"2.0","id":${id}}`),
  misencoded: ({ id }) =>
    process.stdout.write(Buffer.concat([Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":{"text":"`), Buffer.from([0xff, 0xfe]), Buffer.from('"}}\n')])),
  fork: ({ id, args }) => {
    const child = spawn('/bin/sh', ['-c', "trap '' TERM HUP INT; echo ready >&3; while :; do sleep 1; done"], {
      stdio: [args.pipes ?? 'ignore', args.pipes ?? 'ignore', 'ignore', 'pipe'],
    });
    child.stdio[3].once('data', () => answer(id, { pid: process.pid, grandchild: child.pid }));
  },
  ask: ({ id }) => {
    replyExpected = { id, count: 3 };
    write('{"jsonrpc":"2.0","id":"q\\u0031","method":"sampling/createMessage","params":{}}');
    write('{"jsonrpc":"2.0","id":12345678901234567890,"method":"roots/list"}');
    write('{"jsonrpc":"2.0","id":"p1","method":"ping"}');
  },
  progress: ({ id, args, token }) => {
    for (let progress = 1; progress <= args.steps; progress++) notify('notifications/progress', { progressToken: token, progress, total: args.steps });
    notify('notifications/progress', { progressToken: 'not-ours', progress: 1 });
    notify('notifications/message', { level: 'info', data: 'for nobody' });
    answer(id, { steps: args.steps, token });
  },
  environment: ({ id }) => answer(id, { env: process.env, cwd: process.cwd(), entries: readdirSync('.'), inodes: openInodes() }),
  complain: ({ id, args }) => process.stderr.write(args.text, () => answer(id, {})),
  flood: ({ id, args }) => {
    const chunk = Buffer.alloc(1024 * 1024, 'e');
    let left = args.mebibytes;
    const more = () => (left-- > 0 ? process.stderr.write(chunk, more) : answer(id, { flooded: args.mebibytes }));
    more();
  },
  mute: () => process.stdout.end(),
  /** Asks its caller by its result (2026-07-28). */
  question: ({ id, params }) => {
    const answered = params.inputResponses?.name?.content?.name;
    if (answered !== undefined) return answer(id, { resultType: 'complete', content: [{ type: 'text', text: `Hello, ${answered}!` }] });
    const form = { mode: 'form', message: 'Who?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } } } };
    answer(id, { resultType: 'input_required', inputRequests: { name: { method: 'elicitation/create', params: form } }, requestState: 's' });
  },
  /** Tells all who listen. */
  announce: ({ id }) => {
    for (const listener of listeners) notify('notifications/tools/list_changed', { _meta: { [SUBSCRIPTION]: listener } });
    answer(id, { resultType: 'complete', content: [] });
  },
};

const CLAIM = 'io.modelcontextprotocol/protocolVersion';
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';
const listeners = new Set();

/** What only a server of 2026-07-28 says; true when it has said it. */
function handleModern({ id, method, params }) {
  if (id === undefined) return false;
  const fail = (code, message) => write(JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } }));
  if (method === 'initialize') fail(-32_601, 'no such method');
  else if (params?.['_meta']?.[CLAIM] !== '2026-07-28') fail(-32_602, 'the claim is missing');
  else if (method === 'server/discover')
    answer(id, { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: { tools: { listChanged: true } } });
  else if (method === 'subscriptions/listen') {
    listeners.add(id);
    notify('notifications/subscriptions/acknowledged', { _meta: { [SUBSCRIPTION]: id } });
  } else return false;
  return true;
}

function openInodes() {
  return readdirSync('/dev/fd').flatMap((name) => {
    try {
      return [fstatSync(Number(name)).ino];
    } catch {
      return [];
    }
  });
}

function handle(line) {
  const message = JSON.parse(line);
  if (message.method === undefined) {
    replies.push(line);
    if (replyExpected !== undefined && replies.length === replyExpected.count) answer(replyExpected.id, { replies });
    return;
  }
  if (mode === 'modern' && handleModern(message)) return;
  if (message.method === 'initialize') return initialize(message);
  if (message.method === 'notifications/cancelled') {
    listeners.delete(message.params.requestId);
    return void cancelled.push(message.params);
  }
  if (message.id === undefined) return void heard.push(line);
  if (message.method !== 'tools/call') return answer(message.id, { method: message.method });
  const { name, arguments: args = {}, _meta: { progressToken: token } = {} } = message.params;
  tools[name]({ id: message.id, args, token, line, params: message.params });
}

function initialize(message) {
  if (mode === 'silent') return;
  if (mode === 'refusing') return write(`{"jsonrpc":"2.0","id":${message.id},"error":{"code":-32603,"message":"no"}}`);
  if (mode === 'noisy') write('banner: this is not JSON');
  write(
    `{"jsonrpc":"2.0","id":${message.id},"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"fixture","version":"1.0.0"},"received":${JSON.stringify(message.params)},"exact":1.50}}`,
  );
}

if (mode === 'dying') process.exit(7);
if (mode === 'stubborn') {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => undefined);
  setInterval(() => undefined, 60_000);
}
// Not `node:readline`: it takes U+2028 for the end of a line too.
let rest = '';
process.stdin.setEncoding('utf8').on('data', (chunk) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop();
  for (const line of lines) handle(line);
});
