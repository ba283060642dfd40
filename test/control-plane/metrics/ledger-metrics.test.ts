/** Prometheus reads whether the books agree, over all organisations, and of nobody in particular. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { newLimit } from '../../support/limits.ts';

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

const read = async () => {
  const response = await fetch(`${plane.url}/metrics`);
  expect({ status: response.status, type: response.headers.get('content-type') }).toEqual({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8' });
  return (await response.text()).split('\n').filter((line) => line.startsWith('turnpike_ledger'));
};

async function compared(organisationId: string, limitId: string, found: { used: number; checkedAt: string }) {
  const sum = { calls: '0', nanosUsd: '0' };
  await plane.database.query(
    `insert into limit_reconciliations (id, organisation_id, limit_id, starts_at, ends_at, checked_at, epoch, used, recorded, not_counted, reserved, under_way, rolled_up)
     values ($1, $2, $3, now(), now(), $4, '', $5, 100, 0, 0, 0, $6)`,
    [`${limitId}:0`, organisationId, limitId, found.checkedAt, found.used, { records: sum, hours: sum, days: sum }],
  );
}

test('nothing is told before anything was compared, then the worst of what was found', async () => {
  expect(await read()).toEqual([]);
  const other = await plane.newOrganisation('other');
  await compared(plane.organisationId, await newLimit(plane.admin, 'Budget', { limitUsd: '1' }), { used: 98, checkedAt: '2026-11-21T12:00:00Z' });
  await compared(other.organisationId, await newLimit(other.admin, 'Budget', { limitUsd: '1' }), { used: 107, checkedAt: '2026-11-21T13:00:00Z' });
  expect(await read()).toEqual(['turnpike_ledger_unexplained_nanousd 7', 'turnpike_ledger_checked_timestamp_seconds 1795262400']);
});
