/** The virtual API key as a data plane needs it: who it is and which keyed hashes open it. */
import { z } from 'zod';
import { denialStyleSchema } from './mcp-server.ts';

export const API_KEY_TYPES = ['ORGANISATION', 'TEAM', 'USER'] as const;

export const apiKeySchema = z.strictObject({
  id: z.string(),
  organisationId: z.string(),
  type: z.enum(API_KEY_TYPES),
  name: z.string(),
  /** `vk_<public id>`: what may be shown, logged and recorded. */
  prefix: z.string(),
  teamId: z.string().nullable(),
  userId: z.string().nullable(),
  /** The user's mail domain, for records; null for keys of no user. */
  userDomain: z.string().nullable(),
  /** Keyed hashes that authenticate as this key: the current one, and after a rotation the old one until its grace ends. */
  hashes: z.array(z.strictObject({ hash: z.string(), validUntilMillis: z.number().nullable() })),
  state: z.enum(['ACTIVE', 'DISABLED', 'REVOKED']),
  expiresAtMillis: z.number().nullable(),
  denialStyle: denialStyleSchema.nullable(),
  /** The agent that it is bound to: it may call that agent's servers only, whatever its client says of itself. */
  agentId: z.string().nullable().default(null),
});
export type ApiKey = z.infer<typeof apiKeySchema>;
