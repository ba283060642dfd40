/** The configuration that a data plane obeys: a set of entities, each a noun of `domain.md`, and the changes that move it. */
import { hash } from 'node:crypto';
import { z } from 'zod';
import { accessGrantSchema } from './access-grant.ts';
import { agentSchema, UNKNOWN_CLIENTS } from './agent.ts';
import { apiKeySchema } from './api-key.ts';
import { semanticFilterSchema } from './content-filter/semantic-filter.ts';
import { installationSchema } from './installation.ts';
import { limitSchema } from './limit.ts';
import { denialStyleSchema, mcpServerSchema, slugSchema } from './mcp-server.ts';
import { POLICY_SCOPES, policyEnvelopeSchema } from './policy.ts';
import { upstreamTokenSchema } from './upstream-token.ts';

export const organisationSchema = z.strictObject({
  id: z.string(),
  slug: slugSchema,
  denialStyle: denialStyleSchema,
  unknownClients: z.enum(UNKNOWN_CLIENTS).default('ALLOW'),
  /** Holds at all its servers, beside theirs. Documents that were written before there was one do not have it. */
  semanticFilter: semanticFilterSchema.nullable().default(null),
});
export type OrganisationConfig = z.infer<typeof organisationSchema>;

export const policySchema = z.strictObject({
  id: z.string(),
  /** Null for the global policy alone, which stands above every organisation. */
  organisationId: z.string().nullable(),
  scope: z.enum(POLICY_SCOPES),
  /** The organisation, team, user, key or server that it belongs to; null for `GLOBAL`. */
  ownerId: z.string().nullable(),
  envelope: policyEnvelopeSchema,
  mode: z.enum(['ENFORCE', 'OBSERVE']),
  /** Rules that are tried out beside it: they only observe, whatever its mode. */
  trial: policyEnvelopeSchema.nullable().default(null),
});
export type PolicyConfig = z.infer<typeof policySchema>;

/** What may stand in the document, by kind. A kind that is not listed is refused, never skipped. */
export const ENTITY_SCHEMAS = {
  organisation: organisationSchema,
  apiKey: apiKeySchema,
  mcpServer: mcpServerSchema,
  accessGrant: accessGrantSchema,
  policy: policySchema,
  limit: limitSchema,
  upstreamToken: upstreamTokenSchema,
  installation: installationSchema,
  agent: agentSchema,
} as const;
export type EntityKind = keyof typeof ENTITY_SCHEMAS;
export type EntityOf<Kind extends EntityKind> = z.infer<(typeof ENTITY_SCHEMAS)[Kind]>;

const upsertOf = <Kind extends EntityKind>(kind: Kind) => z.strictObject({ op: z.literal('upsert'), kind: z.literal(kind), value: ENTITY_SCHEMAS[kind] });

export const apiKeyUpsertSchema = upsertOf('apiKey');
export const accessGrantUpsertSchema = upsertOf('accessGrant');

export const configUpsertSchema = z.discriminatedUnion('kind', [
  upsertOf('organisation'),
  apiKeyUpsertSchema,
  upsertOf('mcpServer'),
  accessGrantUpsertSchema,
  upsertOf('policy'),
  upsertOf('limit'),
  upsertOf('upstreamToken'),
  upsertOf('installation'),
  upsertOf('agent'),
]);
export type ConfigUpsert = z.infer<typeof configUpsertSchema>;

export const configRemovalSchema = z.strictObject({
  op: z.literal('remove'),
  kind: z.enum(['organisation', 'apiKey', 'mcpServer', 'accessGrant', 'policy', 'limit', 'upstreamToken', 'installation', 'agent']),
  id: z.string(),
});
export type ConfigRemoval = z.infer<typeof configRemovalSchema>;

/** One entity put or taken away. A snapshot is a list of upserts alone. */
export type ConfigChange = ConfigUpsert | ConfigRemoval;

/** `SNAPSHOT`: one part of the whole, gzip in base64 of a JSON array of upserts; the last part makes it valid. An empty array is valid. */
export const snapshotPayloadSchema = z.strictObject({
  part: z.int().nonnegative(),
  isLast: z.boolean(),
  gzip: z.string(),
});
/** `DELTA`: everything that changed after version `from`, up to the frame's version, in its order; each is a `ConfigChange`. */
export const deltaPayloadSchema = z.strictObject({
  from: z.string().regex(/^\d+$/),
  changes: z.array(z.unknown()),
});
export type SnapshotPayload = z.infer<typeof snapshotPayloadSchema>;

export const CONFIG_FRAME_KINDS = ['SNAPSHOT', 'DELTA', 'HEARTBEAT'] as const;
export type ConfigFrameKind = (typeof CONFIG_FRAME_KINDS)[number];

/** A frame of the feed as `dataPlaneConfig` delivers it; the payload is judged by whoever obeys it, and by nobody before. */
export interface ConfigFrame {
  readonly kind: ConfigFrameKind;
  /** A decimal string: the control plane's sequence is 64 bits wide. */
  readonly version: string;
  readonly payload: unknown;
  readonly checksum: string;
}

/** SHA-256 in hex over version, kind and the payload's JSON; both planes compute it over the text that JSON.stringify gives. */
export function checksumOfFrame(version: string, kind: ConfigFrameKind, payload: unknown): string {
  return hash('sha256', `${version}\n${kind}\n${JSON.stringify(payload)}`, 'hex');
}
