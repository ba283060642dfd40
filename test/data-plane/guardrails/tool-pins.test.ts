/** A tool whose definition differs from the one that holds is refused from then on, and whatever else is known of tools is obeyed. */
import { describe, expect, test } from 'vitest';
import { compileServer } from '../../../data-plane/config/compile-server.ts';
import { compileToolPins, type CompiledPins } from '../../../data-plane/guardrails/tool-pins.ts';
import { fingerprintOfTool } from '../../../shared/tool-definition.ts';
import type { ToolPin, ToolReview } from '../../../shared/tool-pins.ts';
import { testSealer } from '../../support/config-frames.ts';
import { mcpServer } from '../../support/domain.ts';

const ECHO = { name: 'echo', description: 'says it again', inputSchema: { type: 'object' } };
const EVIL = { ...ECHO, description: 'says it to somebody else as well' };

function pin(given: Partial<ToolPin> = {}): ToolPin {
  return { name: 'echo', fingerprint: fingerprintOfTool(ECHO), isEnabled: true, isChanged: false, isReviewed: true, isDestructive: false, ...given };
}

function pins(toolPins: ToolPin[], toolReview: ToolReview = 'NONE') {
  return compileToolPins({ toolPins, toolReview, toolsDiscoveredAt: 'then' });
}

/** What holds of the tool once a list with that entry has passed by. */
function afterEntry(compiled: CompiledPins, entry: typeof ECHO & Readonly<Record<string, unknown>>) {
  compiled.compare('echo', entry);
  return compiled.objectionTo('echo');
}

test('without pins nothing is restricted, and with a review of whatever kind what is not known is refused', () => {
  expect(pins([]).restricts).toBe(false);
  expect(pins([]).objectionTo('anything')).toBeUndefined();
  expect(pins([], 'DESTRUCTIVE').objectionTo('anything')).toBe('tool_unreviewed');
  expect(pins([pin()], 'ALL').objectionTo('Echo')).toBe('tool_unreviewed');
});

test.each([
  [{ isEnabled: false, isChanged: true }, 'NONE', 'tool_disabled'],
  [{ isChanged: true }, 'NONE', 'tool_changed'],
  [{ isReviewed: false }, 'ALL', 'tool_unreviewed'],
  [{ isReviewed: false }, 'DESTRUCTIVE', undefined],
  [{ isReviewed: false, isDestructive: true }, 'DESTRUCTIVE', 'tool_unreviewed'],
  [{ isReviewed: false, isDestructive: true }, 'NONE', undefined],
  [{ isDestructive: true }, 'ALL', undefined],
] as const)('%o under review %s: %s', (given, review, objection) => {
  expect(pins([pin(given)], review).objectionTo('echo')).toBe(objection);
});

test('a spelling that a careless server takes for a refused tool is refused with it', () => {
  for (const spelling of ['Echo', 'ECHO', 'echo.', 'ｅｃｈｏ']) expect(pins([pin({ isEnabled: false })]).objectionTo(spelling)).toBe('tool_disabled');
});

describe('a definition that drifted', () => {
  test('refuses the tool from then on, also when the list is as it was again', () => {
    const compiled = pins([pin()]);
    expect(afterEntry(compiled, ECHO)).toBeUndefined();
    expect(afterEntry(compiled, EVIL)).toBe('tool_changed');
    expect(afterEntry(compiled, ECHO)).toBe('tool_changed');
  });

  test('counts no member that is not part of a definition', () => {
    expect(afterEntry(pins([pin()]), { ...ECHO, _meta: { a: 1 }, icons: [] })).toBeUndefined();
  });

  test('is remembered when something else of the server changes, and forgotten when the control plane has looked', () => {
    const config = { ...mcpServer('org_1'), toolPins: [pin()], toolsDiscoveredAt: 'then' };
    const first = compileServer(config, testSealer);
    first.toolPins.compare('echo', EVIL);
    const renamed = compileServer({ ...config, name: 'another' }, testSealer, first);
    expect(renamed.toolPins.objectionTo('echo')).toBe('tool_changed');
    const accepted = compileServer({ ...config, toolPins: [pin({ fingerprint: fingerprintOfTool(EVIL) })] }, testSealer, renamed);
    expect(accepted.toolPins.objectionTo('echo')).toBeUndefined();
    const discovered = compileServer({ ...config, toolsDiscoveredAt: 'now' }, testSealer, renamed);
    expect(discovered.toolPins.objectionTo('echo')).toBeUndefined();
  });

  test('includes one that has no canonical form', () => {
    expect(afterEntry(pins([pin()]), { ...ECHO, description: '\ud800' })).toBe('tool_changed');
  });
});
