/** Money is exact: parsing, formatting, pricing and the one rounding. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatNanos, formatUsd, formatUsdPerMillion, parseUsd, parseUsdPerMillion, roundToNanos } from '../../shared/nanos-usd.ts';
import { costOf, NO_PRICE, outputBytesFor, toPrice } from '../../shared/pricing.ts';

const amount = fc.bigInt({ min: 0n, max: 10n ** 20n });

function priceOf(call: string, input: string, output: string) {
  const femtos = (text: string) => String(parseUsdPerMillion(text));
  return toPrice({ callFemtosUsd: femtos(call), inputByteFemtosUsd: femtos(input), outputByteFemtosUsd: femtos(output) }, false);
}

describe('the worked example', () => {
  test('$2.00, $0.50 and $1.00 per million with 2,000 bytes in and 8,000 out is 9,002,000 nanos', () => {
    const cost = costOf(priceOf('2.00', '0.50', '1.00'), 2000, 8000);
    expect(cost).toBe(9_002_000n);
    expect(formatUsd(cost)).toBe('0.009002');
  });

  test('a unit price is shown in nanos with up to six decimals', () => {
    expect(formatNanos(parseUsdPerMillion('0.50') ?? -1n)).toBe('500');
    expect(formatNanos(parseUsdPerMillion('0.000000001') ?? -1n)).toBe('0.000001');
  });
});

test('dollars survive the way to nanos and back', () => {
  fc.assert(fc.property(amount, (nanos) => parseUsd(formatUsd(nanos)) === nanos || formatUsd(nanos).replace(/\..*/, '').length > 12));
});

test('prices per million survive the way to femtos and back', () => {
  fc.assert(
    fc.property(amount, (femtos) => parseUsdPerMillion(formatUsdPerMillion(femtos)) === femtos || formatUsdPerMillion(femtos).replace(/\..*/, '').length > 12),
  );
});

test.each(['', '-1', '1e3', '.5', '1.', '0x10', '1,5', ' 1', '0.0000000001', 'NaN'])('%j is no amount', (text) => {
  expect(parseUsd(text)).toBeUndefined();
});

test('half a nano rounds up, and less than half down', () => {
  expect(roundToNanos(500_000n)).toBe(1n);
  expect(roundToNanos(499_999n)).toBe(0n);
});

test('the cost never falls as bytes grow, and equals exact rational arithmetic rounded half up once', () => {
  const unit = fc.bigInt({ min: 0n, max: 10n ** 15n });
  const bytes = fc.integer({ min: 0, max: 1 << 30 });
  fc.assert(
    fc.property(unit, unit, unit, bytes, bytes, (call, input, output, inputBytes, outputBytes) => {
      const price = { callFemtosUsd: call, inputByteFemtosUsd: input, outputByteFemtosUsd: output, isOverride: false };
      const cost = costOf(price, inputBytes, outputBytes);
      const femtos = call + input * BigInt(inputBytes) + output * BigInt(outputBytes);
      const distance = cost * 1_000_000n - femtos;
      expect(distance <= 500_000n && distance > -500_000n).toBe(true);
      expect(costOf(price, inputBytes + 1, outputBytes) >= cost).toBe(true);
    }),
  );
});

test('an amount pays for the longest answer that costs no more than it, and for none that costs a nano more', () => {
  const unit = fc.bigInt({ min: 1n, max: 10n ** 15n });
  fc.assert(
    fc.property(unit, unit, unit, fc.nat(1 << 20), fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }), (call, input, output, inputBytes, nanosUsd) => {
      const price = { callFemtosUsd: call, inputByteFemtosUsd: input, outputByteFemtosUsd: output, isOverride: false };
      const outputBytes = outputBytesFor(price, inputBytes, nanosUsd);
      // Beyond what a double counts exactly no answer is ever long.
      fc.pre(outputBytes < Number.MAX_SAFE_INTEGER);
      if (outputBytes >= 0) expect(costOf(price, inputBytes, outputBytes) <= nanosUsd).toBe(true);
      expect(costOf(price, inputBytes, Math.max(0, outputBytes + 1)) > nanosUsd).toBe(true);
    }),
  );
  expect(outputBytesFor(NO_PRICE, 100, 0n)).toBe(Infinity);
});
