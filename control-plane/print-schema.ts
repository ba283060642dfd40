/** Prints the public schema as `schema.graphql` keeps it. */
import { writeFileSync } from 'node:fs';
import { lexicographicSortSchema, printSchema } from 'graphql/index.js';
import { makeSchema } from './schema.ts';

export const SCHEMA_FILE = new URL('../schema.graphql', import.meta.url);

export function printedSchema(): string {
  return `${printSchema(lexicographicSortSchema(makeSchema()))}\n`;
}

if (import.meta.main) writeFileSync(SCHEMA_FILE, printedSchema());
