/** The rules of what an organisation sets for all its traffic. */
import type { UnknownClients } from '../../shared/agent.ts';
import { audit } from '../audit/audit.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
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

export class OrganisationsService {
  /** In force from the next call on. */
  setUnknownClients(context: AdminContext, { unknownClients, expectedVersion, dryRun }: SetUnknownClientsInput): Promise<Organisation> {
    return inTransaction(context.em, { dryRun }, async (em) => {
      const organisation = await em.findOneOrFail(OrganisationEntity, { id: context.caller.organisationId }, FOR_CHANGE);
      requireVersion(organisation, expectedVersion, 'organisation');
      const before = { unknownClients: organisation.unknownClients };
      em.assign(organisation, { unknownClients, version: organisation.version + 1, updatedAt: new Date() });
      audit(em, context, { action: 'setUnknownClients', targetId: organisation.id, targetLabel: organisation.slug, before, after: { unknownClients } });
      await appendConfigChanges(em, [upsertOfOrganisation(organisation)]);
      return organisation;
    });
  }
}
