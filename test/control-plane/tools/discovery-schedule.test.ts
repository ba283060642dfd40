/** Of several replicas one looks at a server that is due, and looks again only when it is due again. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openOrm } from '../../../control-plane/database/orm.ts';
import { ServerLooks } from '../../../control-plane/mcp-client/server-looks.ts';
import { ServerHealthService } from '../../../control-plane/server-health/server-health.service.ts';
import { DiscoverySchedule } from '../../../control-plane/tools/discovery-schedule.ts';
import { DiscoveryService } from '../../../control-plane/tools/discovery.service.ts';
import { AddressRules } from '../../../shared/address-rules.ts';
import { SecretSealer } from '../../../shared/sealed-secret.ts';
import { SecretKey } from '../../../shared/secret-key.ts';
import { StdioAllowlist } from '../../../shared/stdio-allowlist.ts';
import { recordingLog, startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { startToolUpstream } from '../../support/tool-upstream.ts';

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

test('three replicas that find a server due at once look at it once', async () => {
  const { log } = recordingLog();
  const orm = await openOrm(plane.settings.databaseUrl, log);
  const sealer = new SecretSealer(new SecretKey(plane.settings.secretKey));
  const stdio = { allowlist: StdioAllowlist.empty, user: undefined, inherited: {} };
  const looks = new ServerLooks({ rules: new AddressRules(undefined), stdio });
  const replicas = [1, 2, 3].map(() => new DiscoverySchedule(orm.em, new DiscoveryService({ sealer, looks, health: new ServerHealthService() }), log));
  const upstream = await startToolUpstream([{ name: 'read' }]);
  const { id } = await plane.admin.createServer({ name: 'Scheduled', transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url });
  await plane.admin.mutate('setToolReview', 'SetToolReviewInput', { id, discoveryMinutes: 5 }, 'server { id }');
  await Promise.all(replicas.map((replica) => replica.runDue()));
  // The plane of the test has a schedule of its own, which may have been the first.
  await eventually(async () => ((await plane.database.query('select id from tools')).length === 1 ? true : undefined), 'the tool being discovered');
  await Promise.all(replicas.map((replica) => replica.runDue()));
  expect(upstream.lists).toBe(1);
  await plane.admin.mutate('setToolReview', 'SetToolReviewInput', { id, discoveryMinutes: null }, 'server { id }');
  expect(await plane.database.query('select tool_discovery_due_at from mcp_servers where id = $1', [id])).toEqual([{ tool_discovery_due_at: null }]);
  await Promise.all(replicas.map((replica) => replica.close()));
  await orm.close(true);
  await upstream.close();
});
