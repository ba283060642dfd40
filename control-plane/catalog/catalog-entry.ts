/** An entry of the catalogue: what a server is, how it is reached, and what has to be filled in before it can be. */
import { z } from 'zod';
import { slugSchema, type Transport } from '../../shared/mcp-server.ts';
import { faultsOfTemplates } from './entry-templates.ts';

/** How entries say that their servers want to know who is asking. */
const CATALOG_AUTH_TYPES = ['NONE', 'BEARER', 'BASIC', 'API_KEY', 'OAUTH2'] as const;
export type CatalogAuthType = (typeof CATALOG_AUTH_TYPES)[number];

const template = z.string().min(1).max(2048);
const named = z.strictObject({ name: z.string().min(1).max(128), value: template });

/** What whoever installs fills in, wherever `{name}` stands. */
const variableSchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'a variable’s name has lower-case letters, digits and underscores'),
  description: z.string().min(1).max(500),
  isRequired: z.boolean(),
  isSecret: z.boolean(),
  default: z.string().max(2048).nullable(),
});
export type CatalogVariable = z.infer<typeof variableSchema>;

const reachSchema = z.discriminatedUnion('kind', [
  /** A server that somebody runs. Turnpike signs in with one header. */
  z.strictObject({
    kind: z.literal('remote'),
    transport: z.enum(['STREAMABLE_HTTP', 'SSE']),
    url: template,
    isPublic: z.boolean(),
    headers: z.array(named).max(1),
  }),
  /** A program from npm, which the operator has installed and listed. */
  z.strictObject({
    kind: z.literal('package'),
    identifier: z.string().regex(/^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/, 'not the name of a package of npm'),
    arguments: z.array(template).max(32),
    environment: z.array(named).max(32),
  }),
]);
export type CatalogReach = z.infer<typeof reachSchema>;

const httpsUrl = z.url({ protocol: /^https$/ }).max(255);

export const catalogDocumentSchema = z
  .strictObject({
    slug: slugSchema,
    title: z.string().trim().min(1).max(100),
    /** As long as the registry’s format takes. */
    description: z.string().trim().min(1).max(100),
    publisher: z.string().trim().min(1).max(100),
    serverVersion: z.string().regex(/^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/, 'not one version'),
    categories: z.array(slugSchema).min(1).max(8),
    iconUrl: httpsUrl.nullable(),
    websiteUrl: httpsUrl.nullable(),
    /** Under which the registry of MCP lists it. */
    registryName: z
      .string()
      .max(200)
      .regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/, 'not of the form namespace/name')
      .nullable(),
    authTypes: z.array(z.enum(CATALOG_AUTH_TYPES)).min(1).max(CATALOG_AUTH_TYPES.length),
    reach: reachSchema,
    variables: z.array(variableSchema).max(32),
  })
  .superRefine((document, context) => {
    for (const { path, message } of faultsOfTemplates(document)) context.addIssue({ code: 'custom', path: [...path], message });
  });
export type CatalogDocument = z.infer<typeof catalogDocumentSchema>;

export interface CatalogEntry extends CatalogDocument {
  /** Of a trusted entry `cat_` and its slug, which is no id that is ever made. */
  readonly id: string;
  /** It comes with the product. */
  readonly isTrusted: boolean;
  /** Grows with every change of an organisation’s own; 1 for a trusted one. */
  readonly revision: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export function transportOf({ reach }: Pick<CatalogDocument, 'reach'>): Transport {
  return reach.kind === 'remote' ? reach.transport : 'STDIO';
}
