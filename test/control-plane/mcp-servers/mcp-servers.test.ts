/** Servers are set up by rules that hold whoever sets them, and a change is made on what its author has seen. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ALLOWED_STDIO, startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';

let plane: TestControlPlane;
let counter = 0;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

const HTTP = { transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/mcp' } as const;

function newServer(input: Record<string, unknown> = {}): Promise<{ id: string; slug: string }> {
  return plane.admin.createServer({ name: `Server ${++counter}`, ...HTTP, ...input });
}

const refusedBy = (input: Record<string, unknown>) => userErrorsOf(plane, 'createServer', 'CreateServerInput', { name: `Refused ${++counter}`, ...input });

async function versionOf(id: string): Promise<number> {
  const { server } = await plane.admin.query('query($id: ID!) { server(id: $id) { version } }', { id });
  return z.object({ version: z.number() }).parse(server).version;
}

describe('how it is reached', () => {
  test('a server is found by its id and by its slug, which is made from the name', async () => {
    const { id } = await plane.admin.createServer({ name: 'Größe & Maß!', ...HTTP });
    const answer = await plane.admin.query('query($id: ID!) { byId: server(id: $id) { slug gatewayUrl } bySlug: server(slug: "gro-e-ma") { id } }', { id });
    expect(answer).toEqual({ byId: { slug: 'gro-e-ma', gatewayUrl: 'http://127.0.0.1:8080/v1/mcp/gro-e-ma' }, bySlug: { id } });
  });

  test('a server of revision 2024-11-05 is reached over SSE, at the address of its event stream', async () => {
    const { id } = await newServer({ transport: 'SSE', endpointUrl: 'https://example.com/sse' });
    const { server } = await plane.admin.query('query($id: ID!) { server(id: $id) { transport endpointUrl } }', { id });
    expect(server).toEqual({ transport: 'SSE', endpointUrl: 'https://example.com/sse' });
  });

  test.each([
    [{ transport: 'STREAMABLE_HTTP' }, 'endpointUrl', 'REQUIRED'],
    [{ transport: 'STREAMABLE_HTTP', endpointUrl: 'ftp://example.com' }, 'endpointUrl', 'INVALID'],
    [{ transport: 'STREAMABLE_HTTP', endpointUrl: 'not a url' }, 'endpointUrl', 'INVALID'],
    [{ transport: 'STREAMABLE_HTTP', endpointUrl: 'https://user:word@example.com' }, 'endpointUrl', 'INVALID'],
    [{ transport: 'SSE' }, 'endpointUrl', 'REQUIRED'],
    [{ transport: 'SSE', endpointUrl: 'https://user:word@example.com/sse' }, 'endpointUrl', 'INVALID'],
    [{ transport: 'SSE', endpointUrl: 'https://example.com/sse', ...ALLOWED_STDIO }, 'stdioCommand', 'INVALID'],
    [{ transport: 'STDIO' }, 'stdioCommand', 'REQUIRED'],
    [{ transport: 'STDIO', ...ALLOWED_STDIO, endpointUrl: 'https://example.com' }, 'endpointUrl', 'INVALID'],
    [{ ...HTTP, stdioCommand: '/bin/cat' }, 'stdioCommand', 'INVALID'],
    [{ ...HTTP, stdioIsolation: 'PER_SESSION' }, 'stdioIsolation', 'INVALID'],
    [{ ...HTTP, slug: 'Not_A_Slug' }, 'slug', 'INVALID'],
    [{ ...HTTP, name: '  ' }, 'name', 'REQUIRED'],
    [{ ...HTTP, name: '漢字' }, 'slug', 'INVALID'],
  ])('%j is refused at %s with %s', async (input, field, code) => {
    expect(await refusedBy(input)).toMatchObject([{ field: [field], code }]);
  });

  test('a slug is taken once in an organisation, also when two ask at the same moment', async () => {
    const both = await Promise.all([1, 2].map(() => refusedBy({ ...HTTP, slug: 'wanted-by-two' })));
    expect(both.flat()).toMatchObject([{ field: ['slug'], code: 'TAKEN' }]);
  });
});

describe('STDIO', () => {
  test.each([
    [{ stdioCommand: '/bin/sh', stdioArgs: ['-u'] }],
    [{ stdioCommand: '/bin/cat', stdioArgs: ['/etc/passwd'] }],
    [{ ...ALLOWED_STDIO, stdioEnv: [{ name: 'LD_PRELOAD', value: '/x.so' }] }],
    [{ ...ALLOWED_STDIO, stdioEnv: [{ name: 'OTHER', value: 'x' }] }],
  ])('%j is not on the list, and the hint names the file', async (launch) => {
    const [error] = await refusedBy({ transport: 'STDIO', ...launch });
    expect(error).toMatchObject({ code: 'STDIO_NOT_ALLOWED', field: ['stdioCommand'] });
    expect(error?.hint).toContain('TURNPIKE_STDIO_ALLOWLIST');
  });

  test('a launch that is no longer allowed cannot be enabled or moved, but can be disabled and have tools blocked', async () => {
    const { id } = await newServer({ transport: 'STDIO', endpointUrl: null, ...ALLOWED_STDIO });
    await plane.database.query(`update mcp_servers set stdio_command = '/bin/gone' where id = $1`, [id]);
    expect(await userErrorsOf(plane, 'setServerEnabled', 'SetEnabledInput', { id, enabled: true })).toMatchObject([{ code: 'STDIO_NOT_ALLOWED' }]);
    expect(await userErrorsOf(plane, 'updateServer', 'UpdateServerInput', { id, stdioArgs: [] })).toMatchObject([{ code: 'STDIO_NOT_ALLOWED' }]);
    expect(await userErrorsOf(plane, 'setToolRules', 'SetToolRulesInput', { id, allowedTools: [], blockedTools: ['rm'] })).toEqual([]);
    expect(await userErrorsOf(plane, 'setServerEnabled', 'SetEnabledInput', { id, enabled: false })).toEqual([]);
  });

  test('callers share a process unless it is said otherwise, also in rows of before; what is said reaches the data planes', async () => {
    const { id } = await newServer({ transport: 'STDIO', endpointUrl: null, ...ALLOWED_STDIO });
    await plane.database.query('update mcp_servers set stdio_isolation = default where id = $1', [id]);
    const isolation = async () => (await plane.admin.query('query($id: ID!) { server(id: $id) { stdioIsolation } }', { id }))['server'];
    expect(await isolation()).toEqual({ stdioIsolation: 'SHARED' });
    await plane.admin.mutate('updateServer', 'UpdateServerInput', { id, stdioIsolation: 'PER_SESSION' }, 'server { id }');
    await plane.admin.mutate('updateServer', 'UpdateServerInput', { id, name: 'Kept apart' }, 'server { id }');
    expect(await isolation()).toEqual({ stdioIsolation: 'PER_SESSION' });
    const [row] = await plane.database.query(
      `select change -> 'value' ->> 'stdioIsolation' as isolation from config_changes where change -> 'value' ->> 'id' = $1 order by version desc limit 1`,
      [id],
    );
    expect(row).toEqual({ isolation: 'PER_SESSION' });
    const made = await newServer({ transport: 'STDIO', endpointUrl: null, ...ALLOWED_STDIO, stdioIsolation: 'PER_SESSION' });
    const { server } = await plane.admin.query('query($id: ID!) { server(id: $id) { stdioIsolation } }', { id: made.id });
    expect(server).toEqual({ stdioIsolation: 'PER_SESSION' });
  });

  test('a server that is reached over HTTP has no processes to keep apart', async () => {
    const { id } = await newServer();
    expect(await userErrorsOf(plane, 'updateServer', 'UpdateServerInput', { id, stdioIsolation: 'PER_SESSION' })).toMatchObject([
      { field: ['stdioIsolation'], code: 'INVALID' },
    ]);
  });

  test('upstream auth means nothing to a program, so it is refused there', async () => {
    expect(await refusedBy({ transport: 'STDIO', ...ALLOWED_STDIO, auth: { bearer: { token: 'x' } } })).toMatchObject([{ field: ['auth'], code: 'INVALID' }]);
  });
});

describe('upstream auth', () => {
  test.each([
    ['Cookie', 'v'],
    ['Host', 'v'],
    ['Content-Length', '1'],
    ['Transfer-Encoding', 'chunked'],
    ['Mcp-Session-Id', 'v'],
    ['Expect', '100-continue'],
    ['X Key', 'v'],
    ['X-Key\r\nX-Other', 'v'],
    ['X-Key', 'a\r\nX-Other: b'],
    ['X-Key', 'ä'],
  ])('%j: %j is no header that a key may be sent in', async (header, value) => {
    expect(await refusedBy({ ...HTTP, auth: { apiKey: { header, value } } })).toMatchObject([{ code: 'INVALID' }]);
  });

  test('two ways at once are refused before anything runs', async () => {
    const answer = await plane.ask('mutation($input: CreateServerInput!) { createServer(input: $input) { server { id } } }', {
      input: { name: 'two ways', ...HTTP, auth: { none: true, bearer: { token: 'canary-two-ways' } } },
    });
    expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(JSON.stringify(answer)).not.toContain('canary');
  });
});

describe('changes', () => {
  test('an update touches what it names: renaming leaves the secrets as they are', async () => {
    const { id } = await newServer({ auth: { basic: { username: 'me', password: 'canary-basic' } } });
    const [before] = await plane.database.query('select auth, secret_fields from mcp_servers where id = $1', [id]);
    await plane.admin.mutate('updateServer', 'UpdateServerInput', { id, name: 'Renamed' }, 'server { id }');
    const [after] = await plane.database.query('select auth, secret_fields, name from mcp_servers where id = $1', [id]);
    expect(after).toEqual({ ...before, name: 'Renamed' });
  });

  test('environment variables are set and unset by name, the others stay', async () => {
    const { id } = await newServer({ transport: 'STDIO', endpointUrl: null, ...ALLOWED_STDIO, stdioEnv: [{ name: 'API_TOKEN', value: 'canary-env' }] });
    await plane.admin.mutate('updateServer', 'UpdateServerInput', { id, stdioEnvSet: [{ name: 'REGION', value: 'eu' }] }, 'server { id }');
    const { server } = await plane.admin.mutate('updateServer', 'UpdateServerInput', { id, stdioEnvUnset: ['API_TOKEN'] }, 'server { stdioEnvKeys }');
    expect(server).toEqual({ stdioEnvKeys: ['REGION'] });
  });

  test('a change of another version than the one that was seen is STALE_VERSION, and changes nothing', async () => {
    const { id } = await newServer();
    expect(await userErrorsOf(plane, 'updateServer', 'UpdateServerInput', { id, name: 'late', expectedVersion: 7 })).toMatchObject([
      { field: ['expectedVersion'], code: 'STALE_VERSION' },
    ]);
    expect(await versionOf(id)).toBe(1);
  });

  test('of many changes at once on the same version, one is made', async () => {
    const { id } = await newServer();
    const errors = await Promise.all(
      Array.from({ length: 8 }, (_, index) => userErrorsOf(plane, 'updateServer', 'UpdateServerInput', { id, name: `writer ${index}`, expectedVersion: 1 })),
    );
    expect(errors.filter((list) => list.length === 0)).toHaveLength(1);
    expect(errors.flat().every(({ code }) => code === 'STALE_VERSION')).toBe(true);
    expect(await versionOf(id)).toBe(2);
  });

  test('many changes at once without a version are all made, one after the other', async () => {
    const { id } = await newServer();
    await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        plane.admin.mutate('setToolRules', 'SetToolRulesInput', { id, allowedTools: [], blockedTools: [`tool-${index}`] }, 'server { id }'),
      ),
    );
    expect(await versionOf(id)).toBe(9);
  });

  test('a dry run answers what would be and leaves nothing behind', async () => {
    const { id } = await newServer();
    const counts = () =>
      plane.database.query(
        'select (select count(*) from mcp_servers) as servers, (select count(*) from audit_events) as events, (select version from config_version) as version',
      );
    const before = await counts();
    const made = await plane.admin.mutate('createServer', 'CreateServerInput', { name: 'dry', ...HTTP, dryRun: true }, 'server { slug }');
    const ruled = await plane.admin.mutate(
      'setToolRules',
      'SetToolRulesInput',
      { id, allowedTools: ['echo'], blockedTools: [], dryRun: true },
      'server { allowedTools version }',
    );
    const judged = await plane.admin.mutate(
      'setPolicy',
      'SetPolicyInput',
      { scope: 'MCP_SERVER', ownerId: id, policies: { ip: { allowlist: ['10.0.0.0/8'] } }, dryRun: true },
      'policy { envelope }',
    );
    expect([made['server'], ruled['server'], judged['policy']]).toEqual([
      { slug: 'dry' },
      { allowedTools: ['echo'], version: 2 },
      { envelope: { policies: { ip: { allowlist: ['10.0.0.0/8'] } } } },
    ]);
    expect(await counts()).toEqual(before);
  });
});

describe('prices and filters', () => {
  test('prices are exact, and what is not named stays', async () => {
    const { id } = await newServer({ pricing: { usdPerMillionCalls: '2.00', toolOverrides: [{ tool: 'echo', usdPerMillionCalls: '0.000000001' }] } });
    const { server } = await plane.admin.mutate(
      'setPricing',
      'SetPricingInput',
      { serverId: id, pricing: { usdPerMillionInputBytes: '0.5' } },
      'server { pricing { callNanosUsd usdPerMillionCalls usdPerMillionInputBytes toolOverrides { tool callNanosUsd } } }',
    );
    expect(server).toEqual({
      pricing: { callNanosUsd: '2000', usdPerMillionCalls: '2', usdPerMillionInputBytes: '0.5', toolOverrides: [{ tool: 'echo', callNanosUsd: '0.000001' }] },
    });
  });

  test.each(['-1', '1e3', '0.0000000001', 'free', ''])('%j is no price, and the error says where', async (price) => {
    expect(await refusedBy({ ...HTTP, pricing: { usdPerMillionCalls: price } })).toMatchObject([{ field: ['pricing', 'usdPerMillionCalls'], code: 'INVALID' }]);
    const override = { tool: 'echo', usdPerMillionOutputBytes: price };
    expect(await refusedBy({ ...HTTP, pricing: { toolOverrides: [override] } })).toMatchObject([
      { field: ['pricing', 'toolOverrides', '0', 'usdPerMillionOutputBytes'], code: 'INVALID' },
    ]);
  });

  test.each(['(a)\\1', '(?=look)', '(unclosed'])('the pattern %j does not run in linear time', async (pattern) => {
    expect(await refusedBy({ ...HTTP, semanticFilter: { blockedPatterns: [pattern] } })).toMatchObject([
      { field: ['semanticFilter', 'blockedPatterns'], code: 'PATTERN_UNSAFE' },
    ]);
  });

  test('a policy with an unknown key or a wrong number is refused at its path', async () => {
    const { id } = await newServer();
    const policyErrors = (policies: unknown) => userErrorsOf(plane, 'setPolicy', 'SetPolicyInput', { scope: 'MCP_SERVER', ownerId: id, policies });
    expect(await policyErrors({ ratelimit: { requests: { per_week: 1 } } })).toMatchObject([
      { code: 'UNKNOWN_FIELD', field: ['policy', 'policies', 'ratelimit', 'requests'] },
    ]);
    expect(await policyErrors({ ratelimit: { requests: { per_minute: -1 } } })).toMatchObject([
      { code: 'TOO_SMALL', field: ['policy', 'policies', 'ratelimit', 'requests', 'per_minute'] },
    ]);
    expect(await policyErrors({ ip: { allowlist: ['10.0.0.0/99'] } })).toMatchObject([
      { code: 'INVALID', field: ['policy', 'policies', 'ip', 'allowlist', '0'] },
    ]);
  });
});
