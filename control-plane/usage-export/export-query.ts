/** Reads what is asked of an export from the URL: the form, and the same filter as usage records have over GraphQL. */
import { z } from 'zod';
import { DECISIONS } from '../../shared/usage-event.ts';
import type { ExportFormat } from '../export/export-form.ts';
import { exportFormat, exportMoment, exportTexts, readExportParameters } from '../export/export-parameters.ts';
import type { UsageFilter } from '../usage/usage-filter.ts';

/** Lists are joined by OR. */
const querySchema = z.strictObject({
  format: exportFormat,
  gte: exportMoment,
  lt: exportMoment,
  serverId: exportTexts,
  serverSlug: exportTexts,
  tool: exportTexts,
  apiKeyId: exportTexts,
  teamId: exportTexts,
  userId: exportTexts,
  userDomain: exportTexts,
  clientName: exportTexts,
  agentId: exportTexts,
  agentClientId: exportTexts,
  decision: z.array(z.enum(DECISIONS)).optional(),
  denialCode: exportTexts,
  reason: exportTexts,
  dlpOutcome: exportTexts,
  status: z
    .array(
      z
        .string()
        .regex(/^\d{3}$/)
        .transform(Number),
    )
    .optional(),
  rpcMethod: exportTexts,
  transport: exportTexts,
  requestId: exportTexts,
  traceId: exportTexts,
});

export interface ExportQuery {
  readonly format: ExportFormat;
  readonly filter: UsageFilter;
}

/** What is left open ends now, so that an export ends too. Throws BAD_USER_INPUT with a sentence that names the parameter, and never its value. */
export function readExportQuery(search: URLSearchParams, now: Date): ExportQuery {
  const { format, gte, lt, ...lists } = readExportParameters(querySchema, search);
  return { format, filter: { ...withoutUndefined(lists), range: { gte: gte ?? null, lt: lt ?? now } } };
}

function withoutUndefined(lists: Readonly<Record<string, readonly string[] | readonly number[] | undefined>>): Omit<UsageFilter, 'range'> {
  return Object.fromEntries(Object.entries(lists).filter(([, values]) => values !== undefined));
}
