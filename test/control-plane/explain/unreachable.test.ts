/** Without a gateway node nobody can explain, and that is said in a way that programs understand. */
import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { newId } from '../../../shared/ids.ts';
import { freePort } from '../../support/processes.ts';
import { listenOnLoopback } from '../../support/loopback.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';

let plane: TestControlPlane;
let ids: { apiKeyId: string; serverId: string };

beforeAll(async () => {
  plane = await startTestControlPlane();
  const server = await plane.admin.createServer({ name: 's', slug: 's', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/mcp' });
  const key = await plane.admin.createApiKey();
  ids = { apiKeyId: key.id, serverId: server.id };
}, 120_000);
afterAll(() => plane?.close());

const answerSchema = z.object({
  explainAccess: z.object({ explanation: z.null(), userErrors: z.array(z.object({ code: z.string(), message: z.string(), hint: z.string().nullable() })) }),
});

async function ask(): Promise<{ code: string; message: string }[]> {
  const query = 'query($input: ExplainAccessInput!) { explainAccess(input: $input) { explanation { allowed } userErrors { code message hint } } }';
  return answerSchema.parse(await plane.admin.query(query, { input: ids })).explainAccess.userErrors;
}

async function announce(endpoint: string): Promise<void> {
  const { id: tokenId } = await plane.newDataPlaneToken();
  await plane.database.query(`insert into data_planes (id, token_id, name, version, ready, in_flight, endpoints) values ($1, $2, $3, '0', true, 0, $4)`, [
    newId('dataPlane'),
    tokenId,
    endpoint,
    JSON.stringify([endpoint]),
  ]);
}

test('no node that was heard of', async () => {
  expect(await ask()).toMatchObject([{ code: 'DATA_PLANE_UNREACHABLE', message: 'no gateway node can be reached that serves this organisation' }]);
});

test('no node that answers', async () => {
  await announce(`http://127.0.0.1:${await freePort()}`);
  await announce('no address at all');
  expect(await ask()).toMatchObject([{ code: 'DATA_PLANE_UNREACHABLE' }]);
});

test('something that answers in the name of a node is not believed', async () => {
  const seen: string[] = [];
  const { origin, close } = await listenOnLoopback(
    createServer((request, response) => {
      seen.push(request.url ?? '');
      response.end('{"refusal":null}');
    }),
  );
  await announce(origin);
  expect(await ask()).toMatchObject([{ code: 'DATA_PLANE_UNREACHABLE', message: 'what answered in the name of a gateway node (200) is none' }]);
  expect(seen).toEqual(['/v1/explain']);
  await close();
});
