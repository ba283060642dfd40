/** Everybody who may ask for a field of the matrix, or must not. */
import { PERMISSIONS, type Permission } from '../../../../control-plane/access/permissions.ts';
import { Browser, newMember, type Member } from '../../../support/browser.ts';
import type { GraphqlAnswer, TestControlPlane } from '../../../support/control-plane.ts';
import type { Operation } from './operation.ts';
import type { World } from './world.ts';

export type Ask = (operation: Operation) => Promise<GraphqlAnswer>;

export interface Strangers {
  readonly suspended: Member;
  /** Was signed in until yesterday. */
  readonly expired: Member;
  /** Is signed in, and may do nothing. */
  readonly powerless: Member;
  readonly expiredToken: string;
}

export async function makeStrangers(own: World): Promise<Strangers> {
  const { plane, admin, organisation: organisationId } = own;
  const [suspended, expired, powerless] = [
    await newMember(plane, 'suspended@example.com', 'ORG_ADMIN', admin),
    await newMember(plane, 'expired@example.com', 'ORG_ADMIN', admin),
    await newMember(plane, 'powerless@example.com', 'USER', admin),
  ];
  await admin.mutate('updateMember', 'UpdateMemberInput', { id: suspended.membershipId, suspended: true }, 'membership { id }');
  await plane.database.query(`update sessions set expires_at = now() - interval '1 day' where user_id = $1`, [expired.userId]);
  const { token: expiredToken } = await plane.newAdminToken({ organisationId, expiresAt: new Date(Date.now() - 1000) });
  return { suspended, expired, powerless, expiredToken };
}

export function byToken(plane: TestControlPlane, token: string | null): Ask {
  return ({ query, variables }) => plane.ask(query, variables, token);
}

export function byPerson({ browser }: Member): Ask {
  return ({ query, variables }) => browser.ask(query, variables);
}

/** A page that nobody has signed in on. */
export function byVisitor(plane: TestControlPlane): Ask {
  return byPerson({ browser: new Browser(plane.graphqlUrl), userId: '', membershipId: '', email: '' });
}

export async function tokenWith({ plane, organisation: organisationId }: World, permissions: readonly Permission[]): Promise<string> {
  return (await plane.newAdminToken({ organisationId, permissions })).token;
}

export function allBut(permission: Permission): Permission[] {
  return PERMISSIONS.filter((other) => other !== permission);
}

/** Changes of any kind leave their trace in one of these. */
export function traces({ database }: TestControlPlane): Promise<unknown> {
  return database.query('select (select count(*) from audit_events) as audited, (select version from config_version) as version');
}
