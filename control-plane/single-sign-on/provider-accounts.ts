/** Finds the account of somebody whom the identity provider vouches for: one that he came to before, one of his address, or one that he is invited to. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { ACROSS_TENANTS } from '../database/tenant-filter.ts';
import type { AdmissionsService, Identity } from '../members/admissions.service.ts';
import { InvitationEntity, type Invitation } from '../members/invitation.entity.ts';
import { MembershipEntity } from '../members/membership.entity.ts';
import { UserEntity, type User } from '../members/user.entity.ts';
import { OrganisationEntity } from '../organisations/organisation.entity.ts';
import type { VisitorContext } from '../request-context.ts';
import type { SignInService } from '../sessions/sign-in.service.ts';

export class ProviderAccounts {
  readonly #signIn: SignInService;
  readonly #admissions: AdmissionsService;

  constructor({ signIn, admissions }: { signIn: SignInService; admissions: AdmissionsService }) {
    this.#signIn = signIn;
    this.#admissions = admissions;
  }

  /** Signs the person in. Undefined when nobody, or more than one, is meant; `slug` says in which organisation, or is empty. */
  async signIn(context: VisitorContext, identity: Identity, slug: string): Promise<User | undefined> {
    const { em } = context;
    const organisation = slug === '' ? null : await em.findOne(OrganisationEntity, { slug });
    const isMeant = ({ organisationId }: { organisationId: string }) => slug === '' || organisationId === organisation?.id;
    const accounts = (await findAccounts(em, identity)).filter(isMeant);
    const invitations = accounts.length === 0 ? (await findInvitations(em, identity)).filter(isMeant) : [];
    const [account, invitation] = [only(accounts), only(invitations)];
    if (account !== undefined) return this.#signIn.begin(context, account, identity.subject);
    return invitation === undefined ? undefined : this.#admissions.acceptIdentity(context, invitation, identity);
  }
}

/** By address only one that nobody has come to by the provider yet: an address may be given to somebody else. */
async function findAccounts(em: EntityManager, { subject, email }: Identity): Promise<User[]> {
  const where = { $or: [{ providerSubject: subject }, { email, providerSubject: null }] };
  const found = await em.find(UserEntity, where, ACROSS_TENANTS);
  const members = await em.find(MembershipEntity, { userId: { $in: found.map(({ id }) => id) }, state: 'ACTIVE' }, ACROSS_TENANTS);
  return found.filter(({ id }) => members.some(({ userId }) => userId === id));
}

function findInvitations(em: EntityManager, { email }: Identity): Promise<Invitation[]> {
  return em.find(InvitationEntity, { email, expiresAt: { $gt: new Date() } }, ACROSS_TENANTS);
}

function only<Item>(items: readonly Item[]): Item | undefined {
  return items.length === 1 ? items[0] : undefined;
}
