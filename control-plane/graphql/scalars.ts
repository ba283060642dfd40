/** The scalars of the API: big numbers and money as decimal strings, and secrets that go in and never come out. */
import { GraphQLError, GraphQLScalarType, Kind } from 'graphql/index.js';
import { GraphQLDateTimeISO, GraphQLJSON, GraphQLJSONObject } from 'graphql-scalars';

export const DateTime = GraphQLDateTimeISO;
export const Json = GraphQLJSON;
export const JsonObject = GraphQLJSONObject;

const INTEGER = /^-?\d{1,38}$/;

function decimalString(name: string, description: string, form: RegExp): GraphQLScalarType<string, string> {
  const parse = (value: unknown): string => {
    const text = typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' ? String(value) : '';
    if (!form.test(text)) throw new GraphQLError(`${name} must be a decimal string`, { extensions: { code: 'BAD_USER_INPUT' } });
    return text;
  };
  return new GraphQLScalarType({
    name,
    description,
    serialize: parse,
    parseValue: parse,
    parseLiteral: (node) => parse(node.kind === Kind.STRING || node.kind === Kind.INT ? node.value : undefined),
  });
}

export const BigIntString = decimalString('BigInt', 'A 64-bit integer as a decimal string.', INTEGER);
export const NanoUsd = decimalString('NanoUsd', 'Nano-USD as a decimal string; unit prices may have six decimals.', /^-?\d{1,30}(?:\.\d{1,6})?$/);

const SECRET_LENGTH_MAX = 16_384;

function readSecret(value: unknown): string {
  if (typeof value === 'string' && value.length > 0 && value.length <= SECRET_LENGTH_MAX) return value;
  throw new GraphQLError('a secret must be a string of 1 to 16384 characters', { extensions: { code: 'BAD_USER_INPUT' } });
}

export const Secret = new GraphQLScalarType<string, never>({
  name: 'Secret',
  description: 'Goes in, is sealed, and is never read back.',
  serialize: () => {
    throw new Error('a secret is never answered');
  },
  parseValue: readSecret,
  parseLiteral: (node) => readSecret(node.kind === Kind.STRING ? node.value : undefined),
});
