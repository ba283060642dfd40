/** What a web-search policy must be: read once, with its domains in the one spelling that hosts have. */
import { z } from 'zod';
import { readDomain } from '../../shared/domain-names.ts';
import { webSearchPolicySchema, type WebSearchPolicy } from '../../shared/web-search.ts';
import { parseInput, refuseInput } from '../graphql/input-refused.ts';

export interface WebSearchPolicyInput {
  readonly allowedDomains?: readonly string[] | null;
  readonly blockedDomains?: readonly string[] | null;
  readonly safeSearch?: boolean | null;
  readonly mode?: string | null;
}

const FIELD = 'policy';
const lengthsSchema = z.array(z.string().max(253)).max(1000);

export function readWebSearchPolicy(input: WebSearchPolicyInput): WebSearchPolicy {
  return parseInput(
    webSearchPolicySchema,
    {
      allowedDomains: readDomains(input.allowedDomains ?? [], 'allowedDomains'),
      blockedDomains: readDomains(input.blockedDomains ?? [], 'blockedDomains'),
      safeSearch: input.safeSearch ?? false,
      mode: input.mode ?? 'ENFORCE',
    },
    [FIELD],
  );
}

function readDomains(texts: readonly string[], field: string): string[] {
  const domains = parseInput(lengthsSchema, [...texts], [FIELD, field]).map((text, index) => {
    const domain = readDomain(text);
    if (domain === undefined)
      throw refuseInput([FIELD, field, String(index)], 'INVALID', 'not a domain or an address', 'write example.com, without https:// and path');
    return domain;
  });
  return [...new Set(domains)];
}
