/** An access token for a server, as data planes get it before the one before it expires. */
import { z } from 'zod';
import { sealedSecretSchema, type SecretPlace } from './sealed-secret.ts';

export const upstreamTokenSchema = z.strictObject({
  /** Of the connection that it was got by: a new sign-in makes a new one. */
  id: z.string(),
  organisationId: z.string(),
  mcpServerId: z.string(),
  /** Whose it is; null for one of the whole organisation. */
  userId: z.string().nullable(),
  /** Counts the tokens of the connection, so that a node can say which one was refused. */
  generation: z.int().positive(),
  accessToken: sealedSecretSchema,
  expiresAtMillis: z.number(),
});
export type UpstreamToken = z.infer<typeof upstreamTokenSchema>;

/** Where the token of a connection is sealed for. */
export function accessTokenPlace({ organisationId, id }: Pick<UpstreamToken, 'organisationId' | 'id'>): SecretPlace {
  return { organisationId, ownerId: id, field: 'accessToken' };
}

/** Names a token among all, and says nothing of it. */
export function tokenName({ id, generation }: Pick<UpstreamToken, 'id' | 'generation'>): string {
  return `${id}.${generation}`;
}
