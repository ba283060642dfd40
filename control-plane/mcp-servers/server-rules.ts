/** What the tool rules of a server must be, whoever sets them: read once, into what is stored. */
import { z } from 'zod';
import { parseInput } from '../graphql/input-refused.ts';

export const toolNameSchema = z.string().min(1).max(128);
export const toolNamesSchema = z.array(toolNameSchema).max(1000);

export function readToolNames(names: readonly string[], field: string): string[] {
  return parseInput(toolNamesSchema, [...new Set(names)], [field]);
}
