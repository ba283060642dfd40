/** Reads the parameters of an export from its URL. */
import { z } from 'zod';
import { badInput } from '../graphql/errors.ts';
import { isStorable } from '../graphql/storable-text.ts';
import { EXPORT_FORMATS } from './export-form.ts';

const storable = z.string().refine(isStorable, 'holds characters that cannot be stored');

/** A parameter that is given more than once is a list. */
export const exportTexts = z.array(storable).max(100).optional();
export const exportText = z
  .tuple([storable])
  .transform(([text]) => text)
  .optional();
export const exportMoment = z
  .tuple([z.iso.datetime({ offset: true })])
  .transform(([text]) => new Date(text))
  .optional();
export const exportFormat = z.tuple([z.enum(EXPORT_FORMATS)]).transform(([format]) => format);

/** Throws BAD_USER_INPUT with a sentence that names the parameter, and never its value. */
export function readExportParameters<Parameters>(schema: z.ZodType<Parameters>, search: URLSearchParams): Parameters {
  const reading = schema.safeParse(Object.fromEntries([...new Set(search.keys())].map((name) => [name, search.getAll(name)])));
  if (!reading.success) throw badInput(reading.error.issues.map(sentenceOf).join('; '));
  return reading.data;
}

function sentenceOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return 'there is a parameter that exports do not have';
  return `${String(issue.path[0])}: ${issue.message}`;
}
