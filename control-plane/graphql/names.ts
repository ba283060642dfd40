/** Reads names that people give to things. */
import { z } from 'zod';
import { parseInput } from './input-refused.ts';

const nameSchema = z.string().trim().min(1, 'a name is needed').max(200);

/** Without white space around it, 1 to 200 characters. */
export function readName(name: string): string {
  return parseInput(nameSchema, name, ['name']);
}
