/** Judges an operation's variables before the GraphQL library does: its sentences repeat the value that is wrong, and values may be secrets. */
import { coerceInputValue, getOperationAST, isInputType, isNonNullType, typeFromAST, type DocumentNode, type GraphQLSchema } from 'graphql/index.js';
import { badInput, withoutValues } from './errors.ts';
import { holdsStorableText } from './storable-text.ts';

/** One answer names no more faults than this. */
const FAULTS_MAX = 10;
/** What the longest lists have room for: the tools of a server. */
const LIST_ITEMS_MAX = 1000;

/** Throws BAD_USER_INPUT with the path and the rule of each fault. Variables of unknown types are left to the validation of the document. */
export function requireVariables(schema: GraphQLSchema, document: DocumentNode, variables: Record<string, unknown>, operationName: string | undefined): void {
  const faults: string[] = [];
  for (const { variable, type: typeNode, defaultValue } of getOperationAST(document, operationName)?.variableDefinitions ?? []) {
    const type = typeFromAST(schema, typeNode);
    if (!isInputType(type)) continue;
    const name = variable.name.value;
    const value = variables[name];
    if (value === undefined) {
      if (isNonNullType(type) && defaultValue === undefined) faults.push(`$${name} is required`);
      continue;
    }
    if (!holdsStorableText(value)) {
      faults.push(`$${name} holds characters that cannot be stored`);
      continue;
    }
    if (holdsLongList(value)) {
      faults.push(`$${name} holds a list of more than ${LIST_ITEMS_MAX}`);
      continue;
    }
    coerceInputValue(value, type, (path, _value, error) => faults.push(`$${[name, ...path].join('.')}: ${withoutValues(error.message)}`));
  }
  if (faults.length > 0) throw badInput(faults.slice(0, FAULTS_MAX).join('; '));
}

function holdsLongList(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > LIST_ITEMS_MAX || value.some(holdsLongList);
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsLongList);
}
