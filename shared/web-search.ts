/** What a server that searches the web, or reads from it, may be asked for, and how its tools take that. */
import { z } from 'zod';
import { readDomain } from './domain-names.ts';

const DOMAINS_MAX = 1000;
/** Stored as all hosts are spelled; anything else would never match. */
const domainSchema = z
  .string()
  .max(253)
  .refine((domain) => readDomain(domain) === domain, 'must be a domain in its plain spelling');

export const webSearchPolicySchema = z.strictObject({
  /** Empty means any. */
  allowedDomains: z.array(domainSchema).max(DOMAINS_MAX),
  /** Blocked wins. */
  blockedDomains: z.array(domainSchema).max(DOMAINS_MAX),
  safeSearch: z.boolean(),
  mode: z.enum(['ENFORCE', 'OBSERVE']),
});
export type WebSearchPolicy = z.infer<typeof webSearchPolicySchema>;

/** The arguments by which a tool itself keeps to domains and to safe results, as its schema names them. */
export const searchToolSchema = z.strictObject({
  name: z.string(),
  includeDomains: z.string().nullable(),
  excludeDomains: z.string().nullable(),
  safeSearch: z.strictObject({ argument: z.string(), value: z.union([z.string(), z.number(), z.boolean()]) }).nullable(),
});
export type SearchTool = z.infer<typeof searchToolSchema>;
