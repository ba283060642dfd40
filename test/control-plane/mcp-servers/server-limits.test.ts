/** A server's limits are set one by one, within bounds that the errors name, and have a default to go back to. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ALLOWED_STDIO, startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';

const HTTP = { transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/mcp' } as const;
const STDIO = { transport: 'STDIO', ...ALLOWED_STDIO } as const;
const ALL = `connectTimeoutMs headersTimeoutMs idleTimeoutMs totalTimeoutMs responseBytesMax eventBytesMax
  processesMax warmProcesses processIdleMs inFlightMax overridden`;
const NONE = {
  connectTimeoutMs: null,
  headersTimeoutMs: null,
  idleTimeoutMs: null,
  totalTimeoutMs: null,
  responseBytesMax: null,
  eventBytesMax: null,
  processesMax: null,
  warmProcesses: null,
  processIdleMs: null,
  inFlightMax: null,
  overridden: [],
};
const MEBIBYTE = 1024 * 1024;

let plane: TestControlPlane;
let counter = 0;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

const newServer = (input: Record<string, unknown>) => plane.admin.createServer({ name: `Limited ${++counter}`, ...input });
const refusedBy = (input: Record<string, unknown>) => userErrorsOf(plane, 'createServer', 'CreateServerInput', { name: `Refused ${++counter}`, ...input });
const update = (id: string, input: Record<string, unknown>) => plane.admin.mutate('updateServer', 'UpdateServerInput', { id, ...input }, 'server { id }');
const refusedChange = (id: string, input: Record<string, unknown>) => userErrorsOf(plane, 'updateServer', 'UpdateServerInput', { id, ...input });

async function limitsOf(id: string, fields = ALL): Promise<unknown> {
  const { server } = await plane.admin.query(`query($id: ID!) { server(id: $id) { limits { ${fields} } } }`, { id });
  return server;
}

test.each([
  [
    'Streamable HTTP',
    HTTP,
    {
      connectTimeoutMs: 10_000,
      headersTimeoutMs: 300_000,
      idleTimeoutMs: 300_000,
      totalTimeoutMs: 3_600_000,
      responseBytesMax: 64 * MEBIBYTE,
      eventBytesMax: 16 * MEBIBYTE,
    },
  ],
  [
    'HTTP+SSE',
    { ...HTTP, transport: 'SSE' },
    { connectTimeoutMs: 10_000, headersTimeoutMs: 20_000, totalTimeoutMs: 300_000, responseBytesMax: 64 * MEBIBYTE, eventBytesMax: 16 * MEBIBYTE },
  ],
  ['STDIO', STDIO, { totalTimeoutMs: 300_000, responseBytesMax: 64 * MEBIBYTE, processesMax: 1, warmProcesses: 0, processIdleMs: 300_000, inFlightMax: 256 }],
  [
    'STDIO, a process per session',
    { ...STDIO, stdioIsolation: 'PER_SESSION' },
    { totalTimeoutMs: 300_000, responseBytesMax: 64 * MEBIBYTE, processesMax: 16, warmProcesses: 0, processIdleMs: 300_000, inFlightMax: 256 },
  ],
])('a server over %s has the limits of its transport, by default', async (_transport, input, limits) => {
  const { id } = await newServer(input);
  expect(await limitsOf(id)).toEqual({ limits: { ...NONE, ...limits } });
});

test('limits are set one by one, null gives one its default back, and null in the place of all gives all', async () => {
  const { id } = await newServer({ ...HTTP, limits: { headersTimeoutMs: 600_000, eventBytesMax: 1024 } });
  const fields = 'headersTimeoutMs totalTimeoutMs eventBytesMax overridden';
  expect(await limitsOf(id, fields)).toEqual({
    limits: { headersTimeoutMs: 600_000, totalTimeoutMs: 3_600_000, eventBytesMax: 1024, overridden: ['headersTimeoutMs', 'eventBytesMax'] },
  });
  await update(id, { limits: { totalTimeoutMs: 86_400_000, eventBytesMax: null } });
  await update(id, { name: `Limited ${++counter}` });
  expect(await limitsOf(id, fields)).toEqual({
    limits: { headersTimeoutMs: 600_000, totalTimeoutMs: 86_400_000, eventBytesMax: 16 * MEBIBYTE, overridden: ['headersTimeoutMs', 'totalTimeoutMs'] },
  });
  await update(id, { limits: null });
  expect(await limitsOf(id, fields)).toEqual({
    limits: { headersTimeoutMs: 300_000, totalTimeoutMs: 3_600_000, eventBytesMax: 16 * MEBIBYTE, overridden: [] },
  });
});

test('data planes get what was set and nothing else, rows of before have nothing set, and the audit trail says what changed', async () => {
  const { id } = await newServer(HTTP);
  await plane.database.query('update mcp_servers set limits = default where id = $1', [id]);
  await update(id, { limits: { idleTimeoutMs: 5000 } });
  const [change] = await plane.database.query(
    `select change -> 'value' -> 'limits' as limits from config_changes where change -> 'value' ->> 'id' = $1 order by version desc limit 1`,
    [id],
  );
  expect(change).toEqual({ limits: { idleTimeoutMillis: 5000 } });
  const [event] = await plane.database.query(
    `select before -> 'limits' as before, after -> 'limits' as after from audit_events where target_id = $1 and action = 'updateServer'`,
    [id],
  );
  expect(event).toEqual({ before: {}, after: { idleTimeoutMillis: 5000 } });
});

test.each([
  [{ ...HTTP, limits: { connectTimeoutMs: 0 } }, 'connectTimeoutMs', 'TOO_SMALL', 'from 1 to 86400000 milliseconds'],
  [{ ...HTTP, limits: { totalTimeoutMs: 86_400_001 } }, 'totalTimeoutMs', 'TOO_LARGE', 'from 1 to 86400000 milliseconds'],
  [{ ...HTTP, limits: { responseBytesMax: 1024 * MEBIBYTE + 1 } }, 'responseBytesMax', 'TOO_LARGE', 'from 1 to 1073741824 bytes'],
  [{ ...HTTP, limits: { eventBytesMax: -1 } }, 'eventBytesMax', 'TOO_SMALL', 'from 1 to 1073741824 bytes'],
  [{ ...HTTP, limits: { processesMax: 2 } }, 'processesMax', 'INVALID', 'nothing of a server with transport STREAMABLE_HTTP'],
  [{ ...HTTP, transport: 'SSE', limits: { idleTimeoutMs: 5 } }, 'idleTimeoutMs', 'INVALID', 'nothing of a server with transport SSE'],
  [{ ...STDIO, limits: { connectTimeoutMs: 5 } }, 'connectTimeoutMs', 'INVALID', 'nothing of a server with transport STDIO'],
  [{ ...STDIO, limits: { processesMax: 21 } }, 'processesMax', 'TOO_LARGE', 'from 1 to 20 processes'],
  [{ ...STDIO, limits: { inFlightMax: 0 } }, 'inFlightMax', 'TOO_SMALL', 'from 1 to 10000 calls'],
  [{ ...STDIO, limits: { warmProcesses: 2 } }, 'warmProcesses', 'TOO_LARGE', 'at most 1, as many'],
  [{ ...STDIO, stdioIsolation: 'PER_SESSION', limits: { warmProcesses: 1 } }, 'warmProcesses', 'INVALID', 'cannot start before the session'],
])('%j is refused at %s with %s', async (input, field, code, message) => {
  expect(await refusedBy(input)).toMatchObject([{ field: ['limits', field], code, message: expect.stringContaining(message) }]);
});

test('what fits only together is judged together, whichever part changes', async () => {
  const { id } = await newServer({ ...STDIO, limits: { processesMax: 3, warmProcesses: 3 } });
  expect(await refusedChange(id, { limits: { processesMax: null } })).toMatchObject([{ field: ['limits', 'warmProcesses'], code: 'TOO_LARGE' }]);
  expect(await refusedChange(id, { stdioIsolation: 'PER_SESSION' })).toMatchObject([{ field: ['limits', 'warmProcesses'], code: 'INVALID' }]);
  expect(await refusedChange(id, { stdioIsolation: 'PER_SESSION', limits: { warmProcesses: null } })).toEqual([]);
  expect(await limitsOf(id, 'processesMax warmProcesses')).toEqual({ limits: { processesMax: 3, warmProcesses: 0 } });
});
