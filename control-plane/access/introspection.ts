/** Who may read the schema through the API itself. */
import { GraphQLError, visit, type DocumentNode } from 'graphql/index.js';
import { forbidden, unauthenticated } from '../graphql/errors.ts';
import type { Caller } from './caller.ts';

export const INTROSPECTION_MODES = ['administrators', 'anyone', 'nobody'] as const;
export type IntrospectionMode = (typeof INTROSPECTION_MODES)[number];

const INTO_THE_SCHEMA: ReadonlySet<string> = new Set(['__schema', '__type']);

/** Why the document may not be answered to the caller; undefined when it may, as when it does not ask for the schema. */
export function introspectionRefusal(document: DocumentNode, caller: Caller, mode: IntrospectionMode): GraphQLError | undefined {
  if (mode === 'anyone' || !asksForSchema(document)) return undefined;
  if (mode === 'nobody') return new GraphQLError('introspection is switched off', { extensions: { code: 'FORBIDDEN' } });
  if (caller.kind === 'anonymous') return unauthenticated(caller.why);
  return caller.kind === 'admin' ? undefined : forbidden('administrator');
}

function asksForSchema(document: DocumentNode): boolean {
  let asks = false;
  visit(document, { Field: ({ name }) => void (asks ||= INTO_THE_SCHEMA.has(name.value)) });
  return asks;
}
