/** What belongs to an installation as a whole, and outlives its secret keys. */
import { z } from 'zod';
import { sealedSecretSchema, type SecretPlace } from './sealed-secret.ts';

export const INSTALLATION_ID = 'installation';

export const installationSchema = z.strictObject({
  id: z.literal(INSTALLATION_ID),
  /** Every data plane needs it. */
  organisationId: z.null(),
  /** What tokens are hashed with, in base64: what was hashed once cannot be hashed anew, so this key is never replaced. */
  tokenHashKey: sealedSecretSchema,
});
export type Installation = z.infer<typeof installationSchema>;

/** Where the key of the tokens is sealed for. */
export const TOKEN_HASH_KEY_PLACE: SecretPlace = { organisationId: '', ownerId: INSTALLATION_ID, field: 'tokenHashKey' };
