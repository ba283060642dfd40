/** Usage over graphql-ws, as a dashboard follows it: soon, only one's own, and from the cursor that it remembers. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { writeUsageEvent, type UsageEvent } from '../../../shared/usage-event.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { subscribeTo, type Subscription } from '../../support/subscription.ts';
import { usageEvent } from '../../support/usage.ts';

const ADDED = `subscription($filter: UsageFilter!, $after: String) {
  usageRecordAdded(filter: $filter, after: $after) { cursor dropped record { requestId decision cost { nanosUsd } mcp { tool } } } }`;
const VISIBLE_MILLIS_MAX = 1000;
const START = cursorOf('0');

const addedSchema = z.object({
  usageRecordAdded: z.object({ cursor: z.string(), dropped: z.number(), record: z.looseObject({ requestId: z.string() }) }),
});
type Added = z.infer<typeof addedSchema>['usageRecordAdded'];

let plane: TestControlPlane;
const subscriptions: Subscription[] = [];

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());
afterEach(async () => {
  for (const subscription of subscriptions.splice(0)) await subscription.close();
});

function cursorOf(sequence: string): string {
  return Buffer.from(sequence).toString('base64url');
}

function record(given: Partial<UsageEvent> = {}): UsageEvent {
  const event = usageEvent({ organisationId: plane.organisationId, ...given });
  plane.usageQueue.append(writeUsageEvent(event));
  return event;
}

/** Answers what brings the next record; it fails with the first error. */
function subscribe(variables: { after?: string; filter?: Record<string, unknown> }, token = plane.token): () => Promise<Added> {
  const subscription = subscribeTo(plane.graphqlUrl, { query: ADDED, variables: { filter: { range: {} }, ...variables }, token });
  subscriptions.push(subscription);
  return async () => addedSchema.parse(await subscription.next()).usageRecordAdded;
}

test('a record appears within a second of its event, as it is', async () => {
  const first = record();
  const next = subscribe({ after: START });
  expect(await next()).toMatchObject({ record: { requestId: first.requestId } });
  const before = performance.now();
  const event = record({ tool: 'read_file', costNanosUsd: '123456789012345678901', decision: 'DENIED', code: 'mcp_guardrail_block' });
  expect(await next()).toMatchObject({
    dropped: 0,
    record: { requestId: event.requestId, decision: 'DENIED', cost: { nanosUsd: '123456789012345678901' }, mcp: { tool: 'read_file' } },
  });
  expect(performance.now() - before).toBeLessThan(VISIBLE_MILLIS_MAX);
});

test('whoever comes back with the cursor of the last record goes on behind it', async () => {
  const tool = 'comes_back';
  const [seen, missed] = [record({ tool }), record({ tool })];
  const next = subscribe({ after: START, filter: { range: {}, tool: [tool] } });
  const { cursor, record: told } = await next();
  expect(told.requestId).toBe(seen.requestId);
  const again = subscribe({ after: cursor, filter: { range: {}, tool: [tool] } });
  expect((await again()).record.requestId).toBe(missed.requestId);
});

test('two organisations that follow everything see their own alone, whatever cursor they come with', async () => {
  const other = await plane.newOrganisation('followers');
  const [mine, theirs] = [record({ tool: 'mine' }), record({ tool: 'theirs', organisationId: other.organisationId })];
  const [own, foreign] = [subscribe({ after: START, filter: { range: {}, tool: ['mine', 'theirs'] } }), subscribe({ after: START }, other.token)];
  const { cursor, record: told } = await own();
  expect(told.requestId).toBe(mine.requestId);
  expect((await foreign()).record.requestId).toBe(theirs.requestId);
  const borrowed = subscribe({ after: cursor }, other.token);
  expect((await borrowed()).record.requestId).toBe(theirs.requestId);
  const [mineLive, theirsLive] = [record({ tool: 'mine' }), record({ tool: 'theirs', organisationId: other.organisationId })];
  expect((await own()).record.requestId).toBe(mineLive.requestId);
  expect((await foreign()).record.requestId).toBe(theirsLive.requestId);
});

test.each([
  ['of another list', cursorOf('2026-01-01 00:00:00+00 use_1')],
  ['that is none', '!'],
  ['beyond every number that there can be', cursorOf('9'.repeat(19))],
])('a cursor %s is refused with a sentence', async (_name, after) => {
  await expect(subscribe({ after })()).rejects.toThrow('the cursor is not one of this subscription');
});

test('following needs USAGE_READ', async () => {
  const { token } = await plane.newAdminToken({ permissions: ['KEY_MANAGE'] });
  await expect(subscribe({}, token)()).rejects.toThrow('this needs USAGE_READ');
});
