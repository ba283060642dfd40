/** Who is asking: an administrator's token, somebody who has signed in, a data plane, or nobody. */
import type { Permission } from './permissions.ts';

export interface TokenActor {
  readonly kind: 'ADMIN_TOKEN';
  readonly id: string;
}

export interface UserActor {
  readonly kind: 'USER';
  readonly id: string;
  readonly sessionId: string;
  readonly roleId: string;
}

/** Asks with permissions of one organisation, whether a program with a token or a person with a session. */
export interface AdminCaller {
  readonly kind: 'admin';
  readonly actor: TokenActor | UserActor;
  readonly organisationId: string;
  readonly permissions: ReadonlySet<Permission>;
  readonly expiresAtMillis: number | null;
}

export interface UserCaller extends AdminCaller {
  readonly actor: UserActor;
}

export interface DataPlaneCaller {
  readonly kind: 'dataPlane';
  readonly tokenId: string;
  /** Null means every organisation. */
  readonly organisationIds: readonly string[] | null;
}

export interface AnonymousCaller {
  readonly kind: 'anonymous';
  /** A sentence for whoever sent the token, or none. */
  readonly why: string;
  /** The token was good once, and a new one is all that is needed. */
  readonly hasExpired?: true;
}

export type Caller = AdminCaller | DataPlaneCaller | AnonymousCaller;
