/** A server's document is read as it was meant when it was written. */
import { expect, test } from 'vitest';
import { mcpServerSchema } from '../../shared/mcp-server.ts';
import { mcpServer } from '../support/domain.ts';

test('a document from before callers could be kept apart lets them share', () => {
  const { stdioIsolation: _isolation, ...before } = mcpServer('org_1');
  expect(mcpServerSchema.parse(before)).toEqual({ ...before, stdioIsolation: 'SHARED' });
  expect(mcpServerSchema.parse({ ...before, stdioIsolation: 'PER_SESSION' }).stdioIsolation).toBe('PER_SESSION');
  expect(mcpServerSchema.safeParse({ ...before, stdioIsolation: 'PER_CALL' }).success).toBe(false);
});

test('a document from before servers had limits of their own has all defaults, and a limit that is unknown is refused', () => {
  const { limits: _limits, ...before } = mcpServer('org_1');
  expect(mcpServerSchema.parse(before)).toEqual({ ...before, limits: {} });
  expect(mcpServerSchema.parse({ ...before, limits: { idleTimeoutMillis: 5 } }).limits).toEqual({ idleTimeoutMillis: 5 });
  expect(mcpServerSchema.safeParse({ ...before, limits: { idleTimeout: 5 } }).success).toBe(false);
});

test('a document from before tools were discovered holds no tool to anything', () => {
  const { toolPins: _pins, toolsDiscoveredAt: _at, toolReview: _review, toolChangeMode: _mode, ...before } = mcpServer('org_1');
  expect(mcpServerSchema.parse(before)).toEqual({ ...before, toolPins: [], toolsDiscoveredAt: null, toolReview: 'NONE', toolChangeMode: 'ENFORCE' });
});
