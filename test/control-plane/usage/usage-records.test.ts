/** Pages of usage: in each order every record once, and a cursor is good for the order that it was made in. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { writeUsageEvent } from '../../../shared/usage-event.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { usageEvent } from '../../support/usage.ts';

const PAGE = `query($first: Int!, $after: String, $orderBy: UsageOrder) {
  usageRecords(first: $first, after: $after, filter: {range: {}}, orderBy: $orderBy) { nodes { requestId } pageInfo { hasNextPage endCursor } } }`;
const pageSchema = z.object({
  usageRecords: z.object({
    nodes: z.array(z.object({ requestId: z.string() })),
    pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
  }),
});
const ORDERS = ['OCCURRED_AT', 'LATENCY', 'COST'].flatMap((field) => ['ASC', 'DESC'].map((direction) => ({ field, direction })));
const EVENTS = 25;

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
  const now = Date.now();
  for (let index = 0; index < EVENTS; index++) {
    // Fewer values than records, so that pages end between records that are alike.
    const alike = { timeMillis: now + (index % 5), latencyMicros: index % 4, costNanosUsd: String(index % 3) };
    plane.usageQueue.append(writeUsageEvent(usageEvent({ organisationId: plane.organisationId, ...alike })));
  }
  await eventually(() => (plane.usageQueue.size === 0 ? true : undefined), 'every event being stored');
});
afterAll(() => plane?.close());

async function page(variables: Record<string, unknown>) {
  return pageSchema.parse(await plane.admin.query(PAGE, { first: 4, ...variables })).usageRecords;
}

test.each(ORDERS)('pages by $field $direction hold every record once', async (orderBy) => {
  const whole = (await page({ first: 100, orderBy })).nodes;
  const told: { requestId: string }[] = [];
  for (let after: string | null = null, more = true; more;) {
    const { nodes, pageInfo } = await page({ after, orderBy });
    told.push(...nodes);
    [after, more] = [pageInfo.endCursor, pageInfo.hasNextPage];
  }
  expect(told).toEqual(whole);
  expect(new Set(told.map(({ requestId }) => requestId)).size).toBe(EVENTS);
});

test.each([
  ['OCCURRED_AT', 'OCCURRED_AT 2026-02-31 10:00:00+00 usr_1'],
  ['OCCURRED_AT', 'OCCURRED_AT 2026-02-01 25:00:00+00 usr_1'],
  ['OCCURRED_AT', 'OCCURRED_AT 2026-02-01 10:00:00+99 usr_1'],
  ['OCCURRED_AT', 'OCCURRED_AT 1 usr_1'],
  ['LATENCY', 'LATENCY 1.2.3 usr_1'],
  ['COST', 'COST - usr_1'],
])('a cursor of %s that was made up, %s, is refused', async (field, position) => {
  const answer = await plane.ask(PAGE, { first: 4, after: Buffer.from(position).toString('base64url'), orderBy: { field, direction: 'ASC' } });
  expect(answer.errors).toMatchObject([{ message: 'the cursor is not one of this list', extensions: { code: 'BAD_USER_INPUT' } }]);
});

test.each([
  ['LATENCY', 'OCCURRED_AT'],
  ['OCCURRED_AT', 'COST'],
  ['COST', 'LATENCY'],
])('a cursor of %s is refused in a list by %s', async (made, used) => {
  const { pageInfo } = await page({ orderBy: { field: made, direction: 'ASC' } });
  const answer = await plane.ask(PAGE, { first: 4, after: pageInfo.endCursor, orderBy: { field: used, direction: 'ASC' } });
  expect(answer.errors).toMatchObject([{ message: 'the cursor is not one of this list', extensions: { code: 'BAD_USER_INPUT' } }]);
});
