/** What the chapters of a long test say again and again: what a mutation made, and what an earlier chapter has found. */
import { z } from 'zod';
import type { Browser } from './browser.ts';

const withIdSchema = z.looseObject({ id: z.string() });

/** What a mutation made or changed; fails on user errors. */
export async function done(browser: Browser, mutation: string, inputType: string, input: Record<string, unknown>, selection: string): Promise<unknown> {
  const { userErrors, ...payload } = await browser.mutate(mutation, inputType, input, selection);
  if (userErrors.length > 0) throw new Error(`${mutation}: ${JSON.stringify(userErrors)}`);
  return payload;
}

/** The same, for what is made and has an id: answers that. */
export async function made(browser: Browser, mutation: string, inputType: string, input: Record<string, unknown>, thing: string): Promise<string> {
  const payload = z.record(z.string(), z.unknown()).parse(await done(browser, mutation, inputType, input, `${thing} { id }`));
  return withIdSchema.parse(payload[thing]).id;
}

/** A query's data; fails on any error. */
export async function read(browser: Browser, query: string, variables: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
  const { data, errors } = await browser.ask(query, variables);
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data ?? {};
}
