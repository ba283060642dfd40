/** A client of every revision with a server of every kind: what works for each pair is tried, and the table in docs/protocol.md says just that. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startConformanceFixture, STDIO_ENTRY, type ConformanceFixture } from '../support/conformance/fixture.ts';
import { connectBy, REVISIONS, type EveryClient, type Revision } from '../support/every-client.ts';
import type { Target } from '../support/modern-client.ts';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';
import { ROOT } from '../support/processes.ts';
import { NODE } from '../support/stdio-caller.ts';

const BLOCKED = 'test_error_handling';
const SERVERS = [
  'Streamable HTTP, sessions',
  'Streamable HTTP, 2026-07-28',
  'Streamable HTTP, both',
  'HTTP+SSE',
  'STDIO, PER_SESSION',
  'STDIO, SHARED',
  'STDIO, 2026-07-28',
] as const;
type Server = (typeof SERVERS)[number];

let directory: string;
let planes: TestPlanes;
let fixtures: ConformanceFixture[];
let targets: Readonly<Record<Server, Target>>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'turnpike-pairs-'));
  const allowlist = join(directory, 'allowlist.json');
  await writeFile(
    allowlist,
    JSON.stringify({ entries: [[], ['modern']].map((more) => ({ command: NODE, args: [RegExp.escape(STDIO_ENTRY), ...more], env: [] })) }),
  );
  const [older, newer] = await Promise.all([startConformanceFixture(), startConformanceFixture({ era: 'modern' })]);
  fixtures = [older, newer];
  planes = await startTestPlanes({ TURNPIKE_STDIO_ALLOWLIST: allowlist });
  const stdio = { transport: 'STDIO', stdioCommand: NODE, stdioArgs: [STDIO_ENTRY] };
  const governed = (slug: string, reach: object) => planes.governed({ slug, ...reach, blockedTools: [BLOCKED] });
  targets = {
    'Streamable HTTP, sessions': await governed('sessions', { endpointUrl: older.legacyUrl }),
    'Streamable HTTP, 2026-07-28': await governed('newest', { endpointUrl: newer.url }),
    'Streamable HTTP, both': await governed('both', { endpointUrl: older.url }),
    'HTTP+SSE': await governed('sse', { transport: 'SSE', endpointUrl: older.sseUrl }),
    'STDIO, PER_SESSION': await governed('apart', { ...stdio, stdioIsolation: 'PER_SESSION' }),
    'STDIO, SHARED': await governed('shared', { ...stdio, stdioIsolation: 'SHARED' }),
    'STDIO, 2026-07-28': await governed('program', { ...stdio, stdioArgs: [STDIO_ENTRY, 'modern'] }),
  };
}, 120_000);

afterAll(async () => {
  await planes?.close();
  await Promise.all([...(fixtures ?? []).map((fixture) => fixture.close()), rm(directory, { recursive: true, force: true })]);
});

/** The cells of the table: what works beside calls, which must work everywhere. */
const PAIRS = REVISIONS.flatMap((revision) => SERVERS.map((server) => ({ revision, server })));

test.each(PAIRS)(
  '$revision with a server over $server',
  async ({ revision, server }) => {
    const client = await connectBy(revision, targets[server]);
    const names = await client.toolNames();
    expect(names).toContain('test_simple_text');
    expect(names).not.toContain(BLOCKED);
    expect(await client.call('test_simple_text', {})).toBe('This is a simple text response for testing.');
    await expect(client.call(BLOCKED, {})).rejects.toMatchObject({ code: -33_403, data: { reason: 'blocked_tool' } });
    expect(await whatWorks(client)).toBe(await cellOf(revision, server));
  },
  60_000,
);

async function whatWorks(client: EveryClient): Promise<string> {
  const works = ['calls'];
  const sampled = await client.call('test_sampling', { prompt: 'say something' }).catch(String);
  if (sampled === 'LLM response: sampled here') works.push('questions');
  if ((await client.stepsOf('test_tool_with_progress')) > 0) works.push('progress');
  return works.join(', ');
}

async function cellOf(revision: Revision, server: Server): Promise<string> {
  const page = await readFile(join(ROOT, 'docs/protocol.md'), 'utf8');
  const rows = page.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
  const head = rows.find(([, first]) => first === 'client \\ server');
  const row = rows.find(([, first]) => first === revision);
  return row?.[head?.indexOf(server) ?? -1] ?? `docs/protocol.md has no cell for ${revision} and ${server}`;
}
