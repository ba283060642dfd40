/** What is different between two definitions is said member by member, and nothing else is. */
import { expect, test } from 'vitest';
import { differencesOf } from '../../../control-plane/tools/tool-diff.ts';

test('each member that differs is named by its pointer', () => {
  const before = { name: 'a', description: 'old', inputSchema: { type: 'object', properties: { 'x/y': { type: 'string' } }, required: ['x/y'] } };
  const after = { name: 'a', title: 'A', inputSchema: { type: 'object', properties: { 'x/y': { type: 'number' } }, required: [] } };
  expect(differencesOf(before, after)).toEqual([
    { path: '/description', before: 'old', after: null },
    { path: '/inputSchema/properties/x~1y/type', before: 'string', after: 'number' },
    { path: '/inputSchema/required', before: ['x/y'], after: [] },
    { path: '/title', before: null, after: 'A' },
  ]);
});

test('an order of members is no difference', () => {
  expect(differencesOf({ a: 1, b: { c: 1, d: 2 } }, { b: { d: 2, c: 1 }, a: 1 })).toEqual([]);
});
