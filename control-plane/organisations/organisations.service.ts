/** The rules of what an organisation sets for all its traffic. */
import type { UnknownClients } from '../../shared/agent.ts';
import { audit } from '../audit/audit.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import { readSemanticFilter, type SemanticFilterInput } from '../content/read-semantic-filter.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { FOR_CHANGE, requireVersion } from '../database/version-check.ts';
import type { AdminContext } from '../request-context.ts';
import { upsertOfOrganisation } from './organisation.document.ts';
import { OrganisationEntity, type Organisation } from './organisation.entity.ts';

export interface SetUnknownClientsInput {
  readonly unknownClients: UnknownClients;
  readonly expectedVersion: number | null;
  /** Answers what would be, and changes nothing. */
  readonly dryRun: boolean;
}

export interface SetOrganisationFilterInput {
  /** Null removes it. */
  readonly filter: SemanticFilterInput | null;
  readonly expectedVersion: number | null;
  /** Answers what would be, and changes nothing. */
  readonly dryRun: boolean;
}

/** What is set, and the version of the organisation that the caller has seen. */
interface Change {
  readonly action: string;
  readonly set: Partial<Pick<Organisation, 'unknownClients' | 'semanticFilter'>>;
  readonly expectedVersion: number | null;
  readonly dryRun: boolean;
}

/** Each change is in force from the next call on. */
export class OrganisationsService {
  setUnknownClients(context: AdminContext, { unknownClients, expectedVersion, dryRun }: SetUnknownClientsInput): Promise<Organisation> {
    return this.#change(context, { action: 'setUnknownClients', set: { unknownClients }, expectedVersion, dryRun });
  }

  async setSemanticFilter(context: AdminContext, { filter, expectedVersion, dryRun }: SetOrganisationFilterInput): Promise<Organisation> {
    const semanticFilter = filter === null ? null : readSemanticFilter(filter, 'filter');
    return this.#change(context, { action: 'setOrganisationFilter', set: { semanticFilter }, expectedVersion, dryRun });
  }

  #change(context: AdminContext, { action, set, expectedVersion, dryRun }: Change): Promise<Organisation> {
    return inTransaction(context.em, { dryRun }, async (em) => {
      const organisation = await em.findOneOrFail(OrganisationEntity, { id: context.caller.organisationId }, FOR_CHANGE);
      requireVersion(organisation, expectedVersion, 'organisation');
      const { unknownClients, semanticFilter } = organisation;
      const before = 'unknownClients' in set ? { unknownClients } : { semanticFilter: semanticFilter ?? null };
      em.assign(organisation, { ...set, version: organisation.version + 1, updatedAt: new Date() });
      audit(em, context, { action, targetId: organisation.id, targetLabel: organisation.slug, before, after: set });
      await appendConfigChanges(em, [upsertOfOrganisation(organisation)]);
      return organisation;
    });
  }
}
