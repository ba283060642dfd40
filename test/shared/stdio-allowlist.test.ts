/** The operator's list decides which programs run; nothing gets around it. */
import { expect, test } from 'vitest';
import { StdioAllowlist } from '../../shared/stdio-allowlist.ts';

const list = new StdioAllowlist({ entries: [{ command: '/usr/bin/node', args: ['/opt/server\\.js', 'stdio|http'], env: ['TOKEN'] }] });
const launch = { command: '/usr/bin/node', args: ['/opt/server.js', 'stdio'], envNames: ['TOKEN'] };

test('what the list names is allowed', () => {
  expect(list.objectionTo(launch)).toBeUndefined();
});

test('the empty list allows nothing', () => {
  expect(StdioAllowlist.empty.objectionTo(launch)).toContain('not on the operator');
});

test.each([
  { ...launch, command: '/usr/bin/node ' },
  { ...launch, command: 'node' },
  { ...launch, command: '/usr/bin/../bin/node' },
  { ...launch, args: ['/opt/serverXjs', 'stdio'] },
  { ...launch, args: ['/opt/server.js'] },
  { ...launch, args: ['/opt/server.js', 'stdio', 'more'] },
  { ...launch, args: ['/opt/server.js', 'stdio\n'] },
  { ...launch, envNames: ['OTHER'] },
])('anything else is not: %o', (other) => {
  expect(list.objectionTo(other)).toBeDefined();
});

const open = new StdioAllowlist({ entries: [{ command: '/usr/bin/npx', args: ['.*', '.*'], env: ['NODE_OPTIONS', 'LD_PRELOAD', 'npm_config_registry'] }] });

test.each([
  '-c',
  '--call',
  '--call=touch x',
  '-e',
  '--eval',
  '-p',
  '--print',
  '-r',
  '--require',
  '--import',
  '--experimental-loader',
  '--from',
  '--privileged',
])('a flag that runs inline code is refused whatever the list says: %s', (flag) => {
  expect(open.objectionTo({ command: '/usr/bin/npx', args: [flag, 'x'], envNames: [] })).toContain('can run code');
});

test.each(['NODE_OPTIONS', 'LD_PRELOAD', 'npm_config_registry', 'PATH', 'BASH_ENV'])(
  'a variable that loads code is refused whatever the list says: %s',
  (name) => {
    expect(open.objectionTo({ command: '/usr/bin/npx', args: ['a', 'b'], envNames: [name] })).toContain('can load code');
  },
);

test.each([
  ['{', /: [^\n]*JSON/],
  ['null', /: Invalid input/],
  ['{"entries":[{"command":"node","args":["x"],"env":["A B"]}]}', /: entries\.0\.command: must be an absolute path; entries\.0\.env\.0: [^\n]+$/],
  ['{"entries":[{"command":"/bin/x","args":["("],"env":[]}]}', /: Invalid regular expression/],
])('a list that cannot be read is one line that names the file and every fault: %s', (text, faults) => {
  const parse = () => StdioAllowlist.parse(text, '/etc/list.json');
  expect(parse).toThrow(/^the STDIO allow-list \/etc\/list\.json cannot be used: [^\n]+$/);
  expect(parse).toThrow(faults);
});
