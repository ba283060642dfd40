/** What the usage stream promises of settlements and refusals. */
import { expect, test } from 'vitest';
import { newId } from '../../../shared/ids.ts';
import { admission, organisationId, rig } from './rig.ts';

export function events(): void {
  test('of settlements and of refusals arrive, of known organisations and of nobody, and of a request what was told first comes first', async () => {
    const expected = new Set<string>();
    const asked = await Promise.all(
      Array.from({ length: 300 }, async (_, index) => {
        const one = admission({ organisationId: index % 3 === 0 ? organisationId : newId('organisation') });
        await rig.counters.admit(one);
        return one;
      }),
    );
    for (const one of asked) {
      rig.counters.settle({ admission: one, amounts: [], event: `settled ${one.requestId}` });
      rig.counters.settle({ admission: one, amounts: [], event: `settled again ${one.requestId}` });
      rig.counters.record(one.organisationId, `recorded ${one.requestId}`);
      rig.counters.record(null, `of nobody ${one.requestId}`);
      for (const what of ['settled', 'settled again', 'recorded', 'of nobody']) expected.add(`${what} ${one.requestId}`);
    }
    const found = await eventsUntil(({ length }) => length >= expected.size);
    expect(found).toHaveLength(expected.size);
    expect(new Set(found)).toEqual(expected);
    for (const { requestId } of asked) expect(found.indexOf(`settled ${requestId}`)).toBeLessThan(found.indexOf(`settled again ${requestId}`));
    await rig.counters.flushed();
    expect(rig.counters.backlog).toBe(0);
  });

  test('that are read and not acknowledged are delivered again', async () => {
    rig.counters.record(organisationId, 'read twice');
    let first = await rig.source.read(10, 100);
    while (first.length === 0) first = await rig.source.read(10, 100);
    expect(await rig.source.read(10, 100)).toEqual(first);
    await rig.source.acknowledge(first);
    expect(await rig.source.read(10, 0)).toEqual([]);
  });
}

/** Events of earlier tests are empty, or of requests that nobody settled. */
async function eventsUntil(isEnough: (found: readonly string[]) => boolean): Promise<string[]> {
  const found: string[] = [];
  while (!isEnough(found)) {
    const deliveries = await rig.source.read(100, 1000);
    found.push(...deliveries.map(({ json }) => json).filter((json) => json !== '' && !json.startsWith('lost')));
    await rig.source.acknowledge(deliveries);
  }
  return found;
}
