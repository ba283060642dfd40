/** Who is asking: an administrator's token, a data plane's, or nobody. */
import type { Permission } from './permissions.ts';

export interface AdminCaller {
  readonly kind: 'admin';
  readonly tokenId: string;
  readonly organisationId: string;
  readonly permissions: ReadonlySet<Permission>;
  readonly expiresAtMillis: number | null;
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
