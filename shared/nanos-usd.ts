/** Money as exact integers: nano-USD for amounts, femto-USD (a millionth of a nano) for unit prices. */

const NANOS_PER_USD_DIGITS = 9;
const FEMTOS_PER_NANO = 1_000_000n;
/** USD per million units to femto-USD per unit: 10^15 femtos a dollar over 10^6 units. */
const FEMTOS_PER_UNIT_DIGITS = 9;
const DECIMAL = /^\d{1,12}(?:\.\d+)?$/;

/** Parses a decimal such as `0.50` exactly, scaled by 10^digits; undefined when it is no decimal or has more digits than that. */
function parseScaled(text: string, digits: number): bigint | undefined {
  if (!DECIMAL.test(text)) return undefined;
  const [whole = '', fraction = ''] = text.split('.');
  const significant = fraction.replace(/0+$/, '');
  if (significant.length > digits) return undefined;
  return BigInt(whole + significant.padEnd(digits, '0'));
}

function formatScaled(amount: bigint, digits: number): string {
  const sign = amount < 0n ? '-' : '';
  const text = (amount < 0n ? -amount : amount).toString().padStart(digits + 1, '0');
  const fraction = text.slice(-digits).replace(/0+$/, '');
  return sign + text.slice(0, -digits) + (fraction === '' ? '' : `.${fraction}`);
}

/** Dollars as people write them (`"50"`, `"0.009002"`) to nanos; undefined for anything that is not exactly representable. */
export function parseUsd(text: string): bigint | undefined {
  return parseScaled(text, NANOS_PER_USD_DIGITS);
}

/** Nanos to dollars, exact, without trailing zeros: `9002000n` is `0.009002`. */
export function formatUsd(nanosUsd: bigint): string {
  return formatScaled(nanosUsd, NANOS_PER_USD_DIGITS);
}

/** A price entered as USD per 1M units to femto-USD per unit; undefined when it needs more than six decimals of a nano. */
export function parseUsdPerMillion(text: string): bigint | undefined {
  return parseScaled(text, FEMTOS_PER_UNIT_DIGITS);
}

export function formatUsdPerMillion(femtosUsd: bigint): string {
  return formatScaled(femtosUsd, FEMTOS_PER_UNIT_DIGITS);
}

/** Femtos as nanos with up to six decimals, as records and the API show a unit price. */
export function formatNanos(femtosUsd: bigint): string {
  return formatScaled(femtosUsd, 6);
}

/** Femtos to whole nanos, rounded half up; the only rounding in the product (`domain.md`, Money). */
export function roundToNanos(femtosUsd: bigint): bigint {
  return (femtosUsd + FEMTOS_PER_NANO / 2n) / FEMTOS_PER_NANO;
}

/** The most femtos that round to no more than so many nanos. */
export function roundedFemtosMax(nanosUsd: bigint): bigint {
  return nanosUsd * FEMTOS_PER_NANO + FEMTOS_PER_NANO / 2n - 1n;
}
