/** Hidden entries leave a list without a trace, and every other byte of it stays. */
import { array, assert, boolean, constantFrom, nat, property, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { filterLists } from '../../../data-plane/guardrails/list-filter.ts';
import type { ListRule } from '../../../data-plane/guardrails/list-rules.ts';
import { jsonNode, spacing, spelled, writeJson, type JsonNode } from '../../support/json-text.ts';

const hides = (tool: string): boolean => tool.startsWith('hidden');
const RULES: readonly ListRule[] = [
  { member: 'tools', entryKey: 'name', judgedKeys: ['name'], hides },
  { member: 'resourceTemplates', entryKey: 'uriTemplate', judgedKeys: ['uriTemplate'], hides },
];
const filtered = (body: string): string | undefined => filterLists(Buffer.from(body), RULES)?.toString('utf8');

const tool = tuple(
  constantFrom('read', 'hidden_a', 'hidden', 'writé').chain((name) => tuple(constantFrom(name), spelled(name))),
  jsonNode,
  boolean(),
).map(([[name, token], schema, isNameLast]) => {
  const members: [string, JsonNode][] = [
    ['"name"', token],
    ['"inputSchema"', schema],
    ['"x-limit"', '1.0'],
  ];
  return { name, node: { members: isNameLast ? members.toReversed() : members } };
});
const list = tuple(array(tool, { maxLength: 6 }), jsonNode, nat(2));

function answer(tools: readonly JsonNode[], extra: JsonNode, order: number): JsonNode {
  const result: [string, JsonNode][] = [
    ['"tools"', { items: [...tools] }],
    ['"nextCursor"', '"c\\u0041"'],
    ['"_meta"', extra],
  ];
  const members: [string, JsonNode][] = [
    ['"jsonrpc"', '"2.0"'],
    ['"id"', '12345678901234567890'],
    ['"result"', { members: [...result.slice(order), ...result.slice(0, order)] }],
  ];
  return { members: order === 1 ? members.toReversed() : members };
}

describe('filterLists', () => {
  test('answers what filtering the value would, and leaves the bytes of what stays', () => {
    assert(
      property(list, spacing, boolean(), ([tools, extra, order], spaces, isBatch) => {
        const wrap = (node: JsonNode): JsonNode =>
          isBatch
            ? {
                items: [
                  node,
                  {
                    members: [
                      ['"jsonrpc"', '"2.0"'],
                      ['"method"', '"x"'],
                    ],
                  },
                ],
              }
            : node;
        const body = writeJson(
          wrap(
            answer(
              tools.map(({ node }) => node),
              extra,
              order,
            ),
          ),
          spaces,
        );
        const kept = tools.filter(({ name }) => !hides(name)).map(({ node }) => node);
        const output = filtered(body);
        expect(JSON.parse(output ?? '')).toEqual(JSON.parse(writeJson(wrap(answer(kept, extra, order)), [''])));
        // What is left stands in the input in the same order: nothing was written anew.
        expect(isSubsequence(output ?? '', body)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test('answers the same buffer when nothing is hidden', () => {
    for (const text of [
      '{"id":1,"result":{"tools":[{"name":"a"}]}}',
      '{"id":1,"result":{}}',
      '{"id":1,"result":{"prompts":[{"name":"hidden"}],"cacheScope":"public"}}',
      '{"id":1,"error":{"code":1}}',
      '{"method":"x"}',
      '[]',
      '{"id":1,"result":{"tools":[]}}',
      'null',
    ]) {
      const body = Buffer.from(text);
      expect(filterLists(body, RULES)).toBe(body);
    }
  });

  test('a list that rules apply to is for no shared cache, wherever its scope stands', () => {
    expect(filtered('{"id":1,"result":{"cacheScope" : "public","ttlMs":1.0,"tools":[{"name":"hidden"},{"name":"read"}]}}')).toBe(
      '{"id":1,"result":{"cacheScope" : "private","ttlMs":1.0,"tools":[{"name":"read"}]}}',
    );
    expect(filtered('{"id":1,"result":{"tools":[{"name":"read"}],"cacheScope":"public"}}')).toBe(
      '{"id":1,"result":{"tools":[{"name":"read"}],"cacheScope":"private"}}',
    );
    expect(filtered('{"id":1,"result":{"tools":[],"cacheScope":"public","cacheScope":"public"}}')).toBeUndefined();
  });

  test('a list that rules apply to is kept by no cache for longer than a minute, since no change of the rules reaches it there', () => {
    const list = (ttl: string) => `{"id":1,"result":{"tools":[{"name":"read"}],"ttlMs" : ${ttl} ,"cacheScope":"private"}}`;
    expect(filtered(list('86400000'))).toBe(list('60000'));
    expect(filtered(list('1e300'))).toBe(list('60000'));
    for (const kept of ['60000', '6e4', '0', '-1', 'null', '"86400000"']) expect(filtered(list(kept))).toBe(list(kept));
    expect(filtered('{"id":1,"result":{"tools":[],"ttlMs":1,"ttlMs":1}}')).toBeUndefined();
  });

  test('each list is judged by what its own entries are called by', () => {
    expect(filtered('{"id":1,"result":{"resourceTemplates":[{"name":"hidden","uriTemplate":"a"},{"name":"b","uriTemplate":"hidden"}]}}')).toBe(
      '{"id":1,"result":{"resourceTemplates":[{"name":"hidden","uriTemplate":"a"}]}}',
    );
    expect(filtered('{"id":1,"result":{"resourceTemplates":[{"name":"b"}]}}')).toBeUndefined();
  });

  test('an emptied page keeps its cursor', () => {
    expect(filtered('{"id":1,"result":{"tools": [ {"name":"hidden"} , {"name":"hidden_b"} ],"nextCursor":"n"}}')).toBe(
      '{"id":1,"result":{"tools": [  ],"nextCursor":"n"}}',
    );
  });

  test('numbers, spaces and unknown fields stay as they are written', () => {
    expect(filtered('{"id":1.0,"result":{"tools":[{"name":"a","n":1e2},  {"name":"hidden"}, {"name":"b","n":-0}],"x":[ 9007199254740993 ]}}')).toBe(
      '{"id":1.0,"result":{"tools":[{"name":"a","n":1e2}, {"name":"b","n":-0}],"x":[ 9007199254740993 ]}}',
    );
  });

  test.each([
    ['no JSON', '<html>'],
    ['a cut list', '{"result":{"tools":[{"name":"a"}'],
    ['two lists', '{"result":{"tools":[{"name":"hidden"}],"tools":[]}}'],
    ['two lists, one in disguise', '{"result":{"tools":[],"t\\u006fols":[{"name":"hidden"}]}}'],
    ['two results', '{"result":{"tools":[{"name":"hidden"}]},"result":{}}'],
    ['a tool with two names', '{"result":{"tools":[{"name":"a","name":"hidden"}]}}'],
    ['a list for readers that are blind to case', '{"result":{"tools":[],"Tools":[{"name":"hidden"}]}}'],
    ['a result for readers that are blind to case', '{"result":{},"RESULT":{"tools":[{"name":"hidden"}]}}'],
    ['a name for readers that are blind to case', '{"result":{"tools":[{"name":"a","Name":"hidden"}]}}'],
    ['a tool without a name', '{"result":{"tools":[{"title":"hidden"}]}}'],
    ['a tool that is a string', '{"result":{"tools":["hidden"]}}'],
    ['a name that is no string', '{"result":{"tools":[{"name":["hidden"]}]}}'],
    ['tools that are no list', '{"result":{"tools":{"0":{"name":"hidden"}}}}'],
  ])('cannot judge %s', (_name, body) => {
    expect(filtered(body)).toBeUndefined();
  });

  test('cannot judge what is not UTF-8', () => {
    expect(filterLists(Buffer.from('{"result":{"tools":[{"name":"\xff"}]}}', 'latin1'), RULES)).toBeUndefined();
  });
});

function isSubsequence(part: string, whole: string): boolean {
  let found = 0;
  for (let at = 0; at < whole.length && found < part.length; at++) if (whole[at] === part[found]) found++;
  return found === part.length;
}
