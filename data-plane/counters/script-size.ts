/** How much one script takes: Lua hands a command of Redis at most some 8000 values, and one that is handed more fails as a whole. */
import type { Admission } from './counters.ts';

/** Of all its requests together, each written as a key and a value. A request that has more by itself goes alone. */
export const KEYS_MAX = 2000;

/** Under how many keys a request counts. */
export function countKeys({ rates, leases, loops, holds }: Pick<Admission, 'rates' | 'leases' | 'loops' | 'holds'>): number {
  return rates.length + leases.length + (loops?.length ?? 0) + holds.length;
}
