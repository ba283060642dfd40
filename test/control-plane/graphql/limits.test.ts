/** An operation that asks for too much is refused before any of it runs, over HTTP and over WebSocket alike. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBothTransports, type Ask, type BothTransports } from '../../support/both-transports.ts';

let transports: BothTransports;

beforeAll(async () => {
  transports = await startBothTransports();
});
afterAll(() => transports?.close());

describe.each([
  ['HTTP', 'overHttp'],
  ['WebSocket', 'overWebSocket'],
] as const)('over %s', (_name, way) => {
  const ask: Ask = (query, variables) => transports[way](query, variables);

  test('an ordinary operation passes', async () => {
    expect(await ask('{ viewer { organisation { slug teams { nodes { id } } } } }')).toEqual([]);
  });

  test('31 aliases are too many, 30 are not', async () => {
    const aliases = (count: number) => `{ ${Array.from({ length: count }, (_, index) => `a${index}: server(slug: "x") { id }`).join(' ')} }`;
    expect(await ask(aliases(30))).toEqual([]);
    expect(await ask(aliases(31))).toMatchObject([{ message: 'more than 30 aliases', extensions: { code: 'QUERY_TOO_COMPLEX' } }]);
  });

  test.each([
    ['a field repeated', `{ viewer { ${'permissions '.repeat(1900)} } }`],
    ['a field with arguments repeated', `{ ${'servers(first: 1) { totalCount } '.repeat(200)} }`],
    ['repetitions of repetitions', `{ ${`viewer { ${'organisation { name } '.repeat(15)} } `.repeat(25)} }`],
    ['a field repeated by many fragments', `{ ${names('...F', 120)} } ${names('fragment F', 120, ' on Query { viewer { permissions } }')}`],
    [
      'fragments that double each other',
      `{ ...F0 } ${Array.from({ length: 100 }, (_, index) => `fragment F${index} on Query { ...F${index + 1} ...F${index + 1} }`).join(' ')} fragment F100 on Query { __typename }`,
    ],
    ['fragments that lead back', '{ ...F0 } fragment F0 on Query { ...F1 } fragment F1 on Query { ...F0 }'],
    ['what lies deeper than twelve levels', `{ viewer ${'{ organisation { teams { nodes '.repeat(5)}{ id }${' } } }'.repeat(5)} }`],
    ['51 directives', `{ viewer { permissions ${'@skip(if: false) '.repeat(51)} } }`],
  ])('%s is too complex, and not even validated', async (_what, query) => {
    expect(await ask(query)).toMatchObject([{ extensions: { code: 'QUERY_TOO_COMPLEX', requestId: expect.stringMatching(/^req_/) } }]);
  });

  test('a list of more than a thousand is refused, wherever it stands', async () => {
    const query = 'mutation($input: SetToolRulesInput!) { setToolRules(input: $input) { userErrors { code } } }';
    const input = { id: 'srv_x', allowedTools: Array.from({ length: 1001 }, (_, index) => `tool${index}`), blockedTools: [] };
    expect(await ask(query, { input })).toMatchObject([{ message: '$input holds a list of more than 1000', extensions: { code: 'BAD_USER_INPUT' } }]);
  });

  test('lists count as often as they are long', async () => {
    const lists = (first: number) =>
      `{ ${['a', 'b', 'c'].map((alias) => `${alias}: servers(first: ${first}) { nodes { id name slug description createdAt updatedAt enabled transport team { id name } policy { id } apiKey { id name } pricing { callNanosUsd toolOverrides { tool } } auth { type secretFields { name } } } edges { node { id name slug description enabled transport version metadata gatewayUrl } } }`).join(' ')} }`;
    expect(await ask(lists(10))).toEqual([]);
    expect(await ask(lists(200))).toMatchObject([{ extensions: { code: 'QUERY_TOO_COMPLEX' } }]);
  });

  test('a document of more than 2000 tokens is not even parsed', async () => {
    const [error] = await ask(`{ viewer { ${'permissions '.repeat(2000)} } }`);
    expect(error?.message).toContain('more that 2000 tokens');
    expect(error?.extensions['code']).toBe('GRAPHQL_PARSE_FAILED');
  });
});

/** `...F0 ...F1 ...F2` and so on. */
function names(before: string, count: number, after = ''): string {
  return Array.from({ length: count }, (_, index) => `${before}${index}${after}`).join(' ');
}
