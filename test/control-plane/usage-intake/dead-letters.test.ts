/** What could not be stored is told to those it belongs to, and is stored once when the reason is gone. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { usageDifferences } from '../../../control-plane/usage/verify-usage.ts';
import { openOrm } from '../../../control-plane/database/orm.ts';
import { writeUsageEvent, type UsageEvent } from '../../../shared/usage-event.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { usageEvent } from '../../support/usage.ts';

const LETTERS = '{ usageDeadLetters { count reasons { reason count oldestAt newestAt } } }';
const RETRY = 'mutation { retryDeadLetters(input: {}) { retried stored left userErrors { message } } }';

const lettersSchema = z.object({
  usageDeadLetters: z.object({ count: z.number(), reasons: z.array(z.object({ reason: z.string(), count: z.number() })) }),
});

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());
beforeEach(() => plane.database.query('truncate usage_dead_letters; alter table usage_records drop constraint if exists no_tool_yet'));

async function tell(...events: readonly (UsageEvent | string)[]): Promise<void> {
  for (const event of events) plane.usageQueue.append(typeof event === 'string' ? event : writeUsageEvent(event));
  await eventually(() => (plane.usageQueue.size === 0 ? true : undefined), 'every event being stored or set aside');
}

/** A reason that can be taken away again. */
const refuse = (clientName: string) =>
  plane.database.query(`alter table usage_records add constraint no_tool_yet check (client_name is distinct from '${clientName}') not valid`);
const own = (given: Partial<UsageEvent> = {}) => usageEvent({ organisationId: plane.organisationId, ...given });
const lettersOf = async (token = plane.token) => lettersSchema.parse((await plane.ask(LETTERS, {}, token)).data).usageDeadLetters;

test('their number and reasons are told, and not what is in them', async () => {
  await tell(own({ latencyMicros: 0.5, clientIp: '192.0.2.77' }), own({ latencyMicros: 0.5 }), own({ costNanosUsd: '9'.repeat(31) }), own());
  const letters = await lettersOf();
  expect(letters.count).toBe(3);
  expect(letters.reasons).toMatchObject([{ count: 2, reason: expect.stringMatching(/bigint/) }, { count: 1 }]);
  expect(JSON.stringify(letters)).not.toContain('192.0.2.77');
});

test('nobody sees those of another organisation, or of none', async () => {
  const other = await plane.newOrganisation('letters');
  await tell(own({ latencyMicros: 0.5 }), own({ latencyMicros: 0.5, organisationId: other.organisationId }), 'nonsense');
  expect((await lettersOf()).count).toBe(1);
  expect((await lettersOf(other.token)).count).toBe(1);
  expect((await plane.ask(RETRY, {}, other.token)).data).toEqual({ retryDeadLetters: { retried: 1, stored: 0, left: 1, userErrors: [] } });
  expect((await lettersOf()).count).toBe(1);
});

test('once the reason is gone they are stored, each once, and their sums with them', async () => {
  await refuse('too_new');
  const [first, second] = [own({ clientName: 'too_new', costNanosUsd: '5' }), own({ clientName: 'too_new', costNanosUsd: '6' })];
  await tell(first, own(), second, own({ clientName: 'too_new', latencyMicros: 0.5 }));
  expect((await plane.ask(RETRY)).data).toEqual({ retryDeadLetters: { retried: 3, stored: 0, left: 3, userErrors: [] } });
  await plane.database.query('alter table usage_records drop constraint no_tool_yet');
  const answers = await Promise.all([plane.ask(RETRY), plane.ask(RETRY)]);
  expect(answers.flatMap(({ errors }) => errors ?? [])).toEqual([]);
  expect(await lettersOf()).toMatchObject({ count: 1, reasons: [{ reason: expect.stringMatching(/bigint/) }] });
  const stored = await plane.database.query(`select cost_nanos_usd::text as cost from usage_records where client_name = 'too_new' order by cost`);
  expect(stored).toEqual([{ cost: '5' }, { cost: '6' }]);
  const orm = await openOrm(plane.database.url, recordingLog().log);
  const now = Date.now();
  expect(await usageDifferences(orm.em, { gte: new Date(now - 2 * 86_400_000), lt: new Date(now + 2 * 86_400_000) })).toEqual([]);
  await orm.close(true);
  expect(
    await plane.database.query(`select count(*)::integer as events from audit_events where action = 'retryDeadLetters' and organisation_id = $1`, [
      plane.organisationId,
    ]),
  ).toEqual([{ events: 3 }]);
});

test('no more are tried than asked for, and those first that have not been tried for longest', async () => {
  await tell(...Array.from({ length: 3 }, () => own({ latencyMicros: 0.5 })));
  const retry = (most: number) => plane.ask(`mutation { retryDeadLetters(input: {most: ${most}}) { retried left userErrors { field } } }`);
  const answers = [await retry(2), await retry(1), await retry(0), await retry(1001)];
  expect(answers.map(({ data }) => data?.['retryDeadLetters'])).toEqual([
    { retried: 2, left: 3, userErrors: [] },
    { retried: 1, left: 3, userErrors: [] },
    { retried: null, left: null, userErrors: [{ field: ['most'] }] },
    { retried: null, left: null, userErrors: [{ field: ['most'] }] },
  ]);
  expect(await plane.database.query('select count(*)::integer as tried from usage_dead_letters where tried_at is not null')).toEqual([{ tried: 3 }]);
});

test.each([LETTERS, RETRY])('%s needs USAGE_READ', async (operation) => {
  const { token } = await plane.newAdminToken({ permissions: ['KEY_MANAGE'] });
  expect((await plane.ask(operation, {}, token)).errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', permission: 'USAGE_READ' } }]);
});
