/** Nobody becomes a member twice. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { refuseInput } from '../graphql/input-refused.ts';
import { MembershipEntity } from './membership.entity.ts';
import { UserEntity } from './user.entity.ts';

/** Under the lock of the organisation's people. */
export async function requireNoMember(em: EntityManager, email: string): Promise<void> {
  const user = await em.findOne(UserEntity, { email });
  if (user !== null && (await em.count(MembershipEntity, { userId: user.id })) > 0) throw refuseInput(['email'], 'TAKEN', 'the person is a member already');
}
