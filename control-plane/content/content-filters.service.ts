/** The rules of the filter that holds in a whole organisation. */
import { audit } from '../audit/audit.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { FOR_CHANGE, requireVersion } from '../database/version-check.ts';
import { upsertOfOrganisation } from '../organisations/organisation.document.ts';
import { OrganisationEntity, type Organisation } from '../organisations/organisation.entity.ts';
import type { AdminContext } from '../request-context.ts';
import { readSemanticFilter, type SemanticFilterInput } from './read-semantic-filter.ts';

export interface OrganisationFilterChange {
  /** Null removes it. */
  readonly filter: SemanticFilterInput | null;
  readonly expectedVersion: number | null;
  /** Answers what would be, and changes nothing. */
  readonly dryRun: boolean;
}

export class ContentFiltersService {
  setOfOrganisation(context: AdminContext, { filter, expectedVersion, dryRun }: OrganisationFilterChange): Promise<Organisation> {
    return inTransaction(context.em, { dryRun }, async (em) => {
      const organisation = await em.findOneOrFail(OrganisationEntity, { id: context.caller.organisationId }, FOR_CHANGE);
      requireVersion(organisation, expectedVersion, 'organisation');
      const before = { semanticFilter: organisation.semanticFilter ?? null };
      const after = { semanticFilter: filter === null ? null : readSemanticFilter(filter, 'filter') };
      em.assign(organisation, { ...after, version: organisation.version + 1, updatedAt: new Date() });
      audit(em, context, { action: 'setOrganisationFilter', targetId: organisation.id, targetLabel: organisation.slug, before, after });
      await appendConfigChanges(em, [upsertOfOrganisation(organisation)]);
      return organisation;
    });
  }
}
