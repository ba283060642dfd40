/** Reads what is asked of an export from the URL: the form, and the same filter as usage records have over GraphQL. */
import { z } from 'zod';
import { DECISIONS } from '../../shared/usage-event.ts';
import { badInput } from '../graphql/errors.ts';
import { isStorable } from '../graphql/storable-text.ts';
import type { UsageFilter } from '../usage/usage-filter.ts';

const texts = z.array(z.string().refine(isStorable, 'holds characters that cannot be stored')).max(100).optional();
const moment = z.tuple([z.iso.datetime({ offset: true })]).transform(([text]) => new Date(text));

/** A parameter that is given more than once is a list, which is joined by OR. */
const querySchema = z.strictObject({
  format: z.tuple([z.enum(['jsonl', 'csv'])]).transform(([format]) => format),
  gte: moment.optional(),
  lt: moment.optional(),
  serverId: texts,
  serverSlug: texts,
  tool: texts,
  apiKeyId: texts,
  teamId: texts,
  userId: texts,
  userDomain: texts,
  clientName: texts,
  decision: z.array(z.enum(DECISIONS)).optional(),
  denialCode: texts,
  reason: texts,
  dlpOutcome: texts,
  status: z
    .array(
      z
        .string()
        .regex(/^\d{3}$/)
        .transform(Number),
    )
    .optional(),
  rpcMethod: texts,
  transport: texts,
  requestId: texts,
  traceId: texts,
});

export interface ExportQuery {
  readonly format: 'jsonl' | 'csv';
  readonly filter: UsageFilter;
}

/** What is left open ends now, so that an export ends too. Throws BAD_USER_INPUT with a sentence that names the parameter, and never its value. */
export function readExportQuery(search: URLSearchParams, now: Date): ExportQuery {
  const reading = querySchema.safeParse(Object.fromEntries([...new Set(search.keys())].map((name) => [name, search.getAll(name)])));
  if (!reading.success) throw badInput(reading.error.issues.map(sentenceOf).join('; '));
  const { format, gte, lt, ...lists } = reading.data;
  return { format, filter: { ...withoutUndefined(lists), range: { gte: gte ?? null, lt: lt ?? now } } };
}

function sentenceOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return 'there is a parameter that exports do not have';
  return `${String(issue.path[0])}: ${issue.message}`;
}

function withoutUndefined(lists: Readonly<Record<string, readonly string[] | readonly number[] | undefined>>): Omit<UsageFilter, 'range'> {
  return Object.fromEntries(Object.entries(lists).filter(([, values]) => values !== undefined));
}
