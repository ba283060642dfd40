/** Counts whose values one transaction puts under another key, and tells the audit trails of those organisations in the same transaction. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { audit } from '../audit/audit.ts';

/** Whoever runs a command with the secrets of the installation; nobody has signed in for it. */
const OPERATOR = { kind: 'OPERATOR', id: 'command-line' } as const;

export interface ToldRotation {
  /** The same for everything that one run does. */
  readonly requestId: string;
  readonly table: string;
  /** Of the key in use. */
  readonly keyId: string;
}

export class RewrappedValues {
  /** By organisation and the id of the key that the values were under. */
  readonly #counts = new Map<string, Map<string, number>>();

  add(organisationId: string, keyId: string): void {
    const ofOne = this.#counts.get(organisationId) ?? new Map<string, number>();
    this.#counts.set(organisationId, ofOne.set(keyId, (ofOne.get(keyId) ?? 0) + 1));
  }

  /** One event for each organisation; none for what belongs to the installation alone. `em` is in the transaction that did it. */
  audit(em: EntityManager, { requestId, table, keyId }: ToldRotation): void {
    // In one order, so that two that run at once do not wait for each other's chains.
    for (const [organisationId, ofOne] of [...this.#counts].toSorted(([left], [right]) => (left < right ? -1 : 1))) {
      const values = [...ofOne.values()].reduce((sum, count) => sum + count, 0);
      audit(
        em,
        { requestId, claim: undefined, caller: { organisationId, actor: OPERATOR } },
        {
          action: 'rotateSecrets',
          targetId: table,
          targetLabel: `sealed values of ${table}`,
          before: { valuesByKey: Object.fromEntries(ofOne) },
          after: { valuesByKey: { [keyId]: values } },
        },
      );
    }
  }
}
