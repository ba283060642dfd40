/** Finds the person who did something, where it was a person. */
import { isId } from '../../shared/ids.ts';
import type { Loaders } from '../graphql/loaders.ts';
import type { User } from './user.entity.ts';

/** Null for a token, and for somebody who is gone. */
export function loadUser({ users }: Pick<Loaders, 'users'>, actorId: string | null | undefined): Promise<User | null> {
  return actorId != null && isId('user', actorId) ? users.load(actorId) : Promise.resolve(null);
}
