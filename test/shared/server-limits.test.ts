/** Limits that were set hold, those that were not have the defaults of their transport, and nothing is out of bounds. */
import { assert, constantFrom, integer, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TRANSPORTS } from '../../shared/mcp-server.ts';
import { effectiveLimits, hasLimit, serverLimitsSchema } from '../../shared/server-limits.ts';

const names = serverLimitsSchema.keyof().options;
const DAY_MILLIS = 86_400_000;
const GIBIBYTE = 1024 ** 3;

function boundsOf(name: string): [number, number] {
  if (name.endsWith('Millis')) return [1, DAY_MILLIS];
  if (name.endsWith('BytesMax')) return [1, GIBIBYTE];
  return name === 'inFlightMax' ? [1, 10_000] : [name === 'warmProcesses' ? 0 : 1, 20];
}

describe('a limit', () => {
  test('is taken within its bounds and nowhere else', () => {
    assert(
      property(constantFrom(...names), integer({ min: -2, max: 2 * GIBIBYTE }), (name, value) => {
        const [min, max] = boundsOf(name);
        for (const given of [value, min, max, min - 1, max + 1]) {
          expect(serverLimitsSchema.safeParse({ [name]: given }).success).toBe(given >= min && given <= max);
        }
      }),
    );
  });

  test.each([1.5, Number.NaN, '5', null])('is no %j', (value) => {
    expect(serverLimitsSchema.safeParse({ totalTimeoutMillis: value }).success).toBe(false);
  });

  test('that is set holds where the transport has it, and changes no other', () => {
    assert(
      property(constantFrom(...TRANSPORTS), constantFrom(...names), (transport, name) => {
        const server = { transport, stdioIsolation: 'SHARED', limits: {} } as const;
        const expected = hasLimit(transport, name) ? { ...effectiveLimits(server), [name]: 7 } : effectiveLimits(server);
        expect(effectiveLimits({ ...server, limits: { [name]: 7 } })).toEqual(expected);
      }),
    );
  });
});
