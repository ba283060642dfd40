/** Looks at what Redis would answer to an admission, and at what it has counted, without counting anything. */
import { z } from 'zod';
import { readAnswer } from './admission-batches.ts';
import { admitValues } from './admit-values.ts';
import { CountersRebuilding, CountersUnavailable, type Admission, type AdmissionPeek } from './counters.ts';
import type { Epochs } from './epochs.ts';
import { keysOf } from './redis-keys.ts';
import type { RedisLink } from './redis-link.ts';
import { REBUILD, type RedisScripts } from './redis-scripts.ts';
import type { SettlementOutbox } from './settlement-outbox.ts';

export interface PeekParts {
  readonly link: RedisLink;
  readonly scripts: RedisScripts;
  readonly outbox: SettlementOutbox;
  readonly epochs: Epochs;
}

/** Nothing is opened, so it does not matter for how long. */
const NO_LIFETIME = '0';
const peekedSchema = z.tuple([z.string(), z.string()]);

/** Where windows do not count yet, they are asked for and waited for as an admission does it, since that is what an admission would be answered by. */
export async function peekAt(admission: Admission, parts: PeekParts): Promise<AdmissionPeek> {
  const { link, outbox, epochs } = parts;
  const { organisationId, holds } = admission;
  if (!link.isAvailable) throw new CountersUnavailable('Redis does not answer');
  // As before a call is refused: what has ended and was not told yet makes room.
  if (outbox.owes(organisationId)) await outbox.paid(organisationId);
  const peek = await look(admission, parts);
  if (peek !== undefined) return peek;
  const isOpen = holds.some(({ observe }) => !observe) && (await epochs.openedSoon(organisationId));
  const again = isOpen ? await look(admission, parts) : undefined;
  if (again === undefined) throw new CountersRebuilding('what was counted in windows is being counted again');
  return again;
}

/** Undefined while windows do not count. */
async function look(admission: Admission, { scripts, epochs }: PeekParts): Promise<AdmissionPeek | undefined> {
  const { organisationId } = admission;
  const { open, intents, counts } = keysOf(organisationId);
  const values = [...epochs.valuesFor(organisationId), ...admitValues(NO_LIFETIME, [admission])];
  const [answer, counted] = await scripts
    .runReadOnly('peek', [open, intents, counts], values)
    .then((answered) => peekedSchema.parse(answered))
    .catch((cause: unknown) => {
      throw new CountersUnavailable('Redis does not answer', { cause });
    });
  return answer === REBUILD ? undefined : { answer: readAnswer(answer), ...readCounts(admission, counted) };
}

/** Reads what a look counted: a number for each rate and lease, three for each window. */
function readCounts({ rates, leases, holds }: Admission, text: string): Omit<AdmissionPeek, 'answer'> {
  const numbers = text.split(' ').map(Number);
  const leasesAt = rates.length;
  const holdsAt = leasesAt + leases.length;
  return {
    rates: numbers.slice(0, leasesAt),
    leases: numbers.slice(leasesAt, holdsAt),
    holds: holds.map((_hold, index) => {
      const [used = 0, reserved = 0, carriedOver = 0] = numbers.slice(holdsAt + 3 * index);
      return { used, reserved, carriedOver };
    }),
  };
}
