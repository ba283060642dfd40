/** Budgets and quotas from the mutation to the refusal: exact under load, with counters in the process and in Redis. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AdminClient } from '../support/admin-client.ts';
import { GatewayClient, listTools, refusalOf, toolCall, type WireAnswer } from '../support/gateway-client.ts';
import { newLimit, windowsOf, type ShownWindow } from '../support/limits.ts';
import { startMcpUpstream, type McpUpstream } from '../support/mcp-upstream.ts';
import { startTestPlanes } from '../support/planes.ts';
import { startTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { eventually } from '../support/processes.ts';
import { hasRedis, startTestRedis } from '../support/redis.ts';
import { settled, startStack } from '../support/stack.ts';

interface Rig {
  readonly admin: AdminClient;
  readonly gatewayUrl: string;
  readonly database: TestDatabase;
  close(): Promise<void>;
}

const CONNECTIONS = 64;
const ATTEMPTS = 20_000;
const AFFORDED = 1000;
const BY_QUARTERS = { period: 'QUARTERLY', timezone: 'America/St_Johns' };

function describeBudgets(name: string, open: () => Promise<Rig>): void {
  describe(name, () => {
    let rig: Rig;
    let upstream: McpUpstream;
    let gateway: GatewayClient;
    let slugs = 0;

    beforeAll(async () => {
      [rig, upstream] = await Promise.all([open(), startMcpUpstream()]);
      gateway = new GatewayClient(rig.gatewayUrl);
    }, 120_000);
    afterAll(async () => {
      await rig?.close();
      await upstream?.close();
    });

    /** A server at two thousand nanos a call, and a key that may call it. */
    async function governed(): Promise<{ slug: string; serverId: string; keyId: string; key: string }> {
      const slug = `priced-${++slugs}`;
      const pricing = { usdPerMillionCalls: '2.00' };
      const server = await rig.admin.createServer({ name: slug, slug, transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url, pricing });
      const apiKey = await rig.admin.createApiKey();
      await rig.admin.grant(apiKey.id, server.id);
      await settled(rig.admin);
      return { slug, serverId: server.id, keyId: apiKey.id, key: apiKey.secret };
    }

    async function windowsWith(
      list: 'budgets' | 'quotas',
      isAsHoped: (window: ShownWindow | null | undefined) => boolean,
    ): Promise<ShownWindow | null | undefined> {
      return eventually(async () => {
        const window = (await windowsOf(rig.admin, list)).at(-1);
        return isAsHoped(window) ? window : undefined;
      }, 'the counters having settled');
    }

    test(`a budget for ${AFFORDED} calls admits exactly ${AFFORDED} of ${ATTEMPTS}, and says so to the nano`, async () => {
      const { slug, key, keyId } = await governed();
      const limitId = await newLimit(rig.admin, 'Budget', {
        name: 'a thousand calls',
        ownerType: 'API_KEY',
        ownerId: keyId,
        limitUsd: '0.002',
        schedule: BY_QUARTERS,
      });
      await settled(rig.admin);
      const before = upstream.calls();
      const answers: WireAnswer[] = [];
      let left = ATTEMPTS;
      const attempts = async () => {
        while (left > 0) {
          left--;
          const answer = await gateway.send(slug, { key });
          answers.push(answer);
          // On a machine that is busy with other things Redis may be too slow for a moment: then nothing was admitted, and nothing was judged.
          if (answer.status === 503) left++;
        }
      };
      await Promise.all(Array.from({ length: CONNECTIONS }, attempts));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(AFFORDED);
      expect(answers.filter(({ status }) => status === 402)).toHaveLength(ATTEMPTS - AFFORDED);
      expect(upstream.calls() - before).toBe(AFFORDED);
      const window = await windowsWith('budgets', (shown) => shown?.reserved === '0');
      expect(window).toMatchObject({ limit: '2000000', used: '2000000', remaining: '0', carriedOver: '0' });
      const sum = async () => {
        const [row] = await rig.database.query('select sum(cost_nanos_usd)::text as cost, count(*)::int as records from usage_records where api_key_id = $1', [
          keyId,
        ]);
        return row?.['records'] === answers.length ? row['cost'] : undefined;
      };
      expect(await eventually(sum, 'every record being written')).toBe(window?.used);
      const last = await gateway.send(slug, { key });
      expect(refusalOf(last).data).toMatchObject({
        code: 'budget_exceeded',
        reason: 'budget_exhausted',
        scope: 'API_KEY',
        limitId,
        owner: keyId,
        window: 'QUARTERLY',
        limit: '2000000',
        used: '2000000',
        reserved: '0',
        remaining: '0',
        resetAt: window?.endsAt,
      });
      expect(last.headers.get('retry-after')).toMatch(/^\d+$/);
    }, 180_000);

    test('a quota of a tool counts that tool alone, also inside a batch, and its refusal names it', async () => {
      const { slug, key, serverId } = await governed();
      const limitId = await newLimit(rig.admin, 'Quota', { serverId, tool: 'echo', metric: 'TOOL_CALLS', limit: '2' });
      await settled(rig.admin);
      const batch = [listTools(1), ...['echo', 'fail', 'echo'].map((tool, index) => toolCall(tool, {}, index + 2))];
      expect((await gateway.send(slug, { key, body: `[${batch.join(',')}]` })).status).toBe(429);
      expect(await gateway.send(slug, { key, body: toolCall('echo') })).toMatchObject({ status: 200 });
      expect(await gateway.send(slug, { key, body: toolCall('echo') })).toMatchObject({ status: 200 });
      expect(await gateway.send(slug, { key, body: toolCall('fail') })).toMatchObject({ status: 200 });
      const answer = await gateway.send(slug, { key, body: toolCall('echo') });
      expect(answer.status).toBe(429);
      expect(refusalOf(answer).data).toMatchObject({ code: 'quota_exceeded', limitId, scope: 'ORGANISATION', limit: '2', remaining: '0', tool: 'echo' });
      await windowsWith('quotas', (shown) => shown?.used === '2' && shown.reserved === '0');
    });

    test('a limit that is raised, switched off or deleted refuses no longer', async () => {
      const { slug, key, serverId } = await governed();
      const status = async () => {
        await settled(rig.admin);
        return (await gateway.send(slug, { key })).status;
      };
      const id = await newLimit(rig.admin, 'Budget', { ownerType: 'MCP_SERVER', ownerId: serverId, limitUsd: '0.000001' });
      const update = (input: Record<string, unknown>) => rig.admin.mutate('updateBudget', 'UpdateBudgetInput', { id, ...input }, 'budget { id }');
      expect(await status()).toBe(402);
      await update({ limitUsd: '0.000002' });
      expect(await status()).toBe(200);
      expect(await status()).toBe(402);
      await update({ mode: 'OBSERVE' });
      expect(await status()).toBe(200);
      await update({ mode: 'ENFORCE', active: false });
      expect(await status()).toBe(200);
      await update({ active: true });
      expect(await status()).toBe(402);
      await rig.admin.mutate('deleteLimit', 'IdInput', { id }, 'deletedId');
      expect(await status()).toBe(200);
    });
  });
}

describeBudgets('counters in the process', async () => {
  const planes = await startTestPlanes();
  return { admin: planes.control.admin, gatewayUrl: planes.dataUrl, database: planes.control.database, close: planes.close };
});

describe.runIf(hasRedis)('with a Redis', () => {
  describeBudgets('counters in Redis', async () => {
    const [database, redis] = await Promise.all([startTestPostgres(), startTestRedis()]);
    const stack = await startStack({ databaseUrl: database.url, redisUrl: redis.url });
    const close = async () => {
      await stack.close();
      await Promise.all([redis.stop(), database.stop()]);
    };
    return { admin: stack.admin, gatewayUrl: stack.gatewayUrl, database, close };
  });
});
