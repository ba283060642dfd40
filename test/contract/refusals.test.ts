/** The table of refusals and its page say the same. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { jsonRpcCodeOf, pageOfReason, REASONS, REFUSALS } from '../../shared/refusals.ts';

const page = readFileSync(new URL('../../docs/refusals.md', import.meta.url), 'utf8');
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')), section]),
);

test.each(Object.entries(REFUSALS))('%s has a section that names its status, and one below for each of its reasons', (code, row) => {
  const section = sections.get(code) ?? '';
  expect(section).toContain(`${row.status}`);
  const reasons: readonly string[] = Object.entries(REASONS).find(([name]) => name === code)?.[1] ?? [];
  const below = Array.from(section.matchAll(/^### (\w+)$/gm), ([, reason]) => reason);
  // The only reason of a code may have the code's name, and then has its section.
  expect(new Set(below)).toEqual(new Set(reasons.filter((reason) => reason !== code)));
});

test('no two sections have one name, so that a refusal’s link leads to its reason', () => {
  const names = Array.from(page.matchAll(/^##+ (\w+)$/gm), ([, name]) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const reason of Object.values(REASONS).flat()) expect(names.map((name) => `docs/refusals.md#${name}`)).toContain(pageOfReason(reason));
});

test('no section describes a code that does not exist', () => {
  expect([...sections.keys()].toSorted()).toEqual(Object.keys(REFUSALS).toSorted());
});

test('JSON-RPC codes lie outside the range that the specification reserves', () => {
  for (const { status } of Object.values(REFUSALS)) {
    const code = jsonRpcCodeOf(status);
    expect(code < -32_768 || code > -32_000).toBe(true);
  }
});

test('what the protocol has a code for is told by that code, and the page names it', () => {
  const codes = { header_mismatch: -32_020, unsupported_protocol_version: -32_022, missing_metadata: -32_602 } as const;
  for (const reason of REASONS.invalid_request) {
    const code: number | undefined = Object.entries(codes).find(([name]) => name === reason)?.[1];
    expect(jsonRpcCodeOf(400, reason)).toBe(code ?? -33_400);
    if (code !== undefined) expect(page).toContain(`\`${reason}\` (−${-code})`);
  }
});
