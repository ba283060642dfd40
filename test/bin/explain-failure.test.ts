/** Why a program could not go on is one sentence; a stack is shown for what can only be a bug. */
import { expect, test } from 'vitest';
import { explainFailure } from '../../bin/explain-failure.ts';
import { fileFailure } from '../../bin/file-failure.ts';

const PORTS = [
  { variable: 'CONTROL_PLANE_PORT', port: 4000 },
  { variable: 'DATA_PLANE_PORT', port: 8080 },
];

function listenError(code: string, port: number): Error {
  return Object.assign(new Error(`listen ${code}: 127.0.0.1:${port}`), { code, syscall: 'listen', address: '127.0.0.1', port });
}

test.each([
  ['EADDRINUSE', 8080, 'port 8080 is taken by another program; set DATA_PLANE_PORT to a free one'],
  ['EADDRINUSE', 4000, 'port 4000 is taken by another program; set CONTROL_PLANE_PORT to a free one'],
  ['EACCES', 80, 'port 80 cannot be listened on (EACCES); set another port to a free one'],
  ['EADDRNOTAVAIL', 8080, '127.0.0.1 is not an address of this machine; set TURNPIKE_HOST to one'],
])('%s on port %i: %s', (code, port, sentence) => {
  expect(explainFailure(listenError(code, port), PORTS)).toBe(`Turnpike cannot go on: ${sentence}`);
});

test('an error that was foreseen is its first line, without a stack', () => {
  expect(explainFailure(new Error('the database is gone\n - hint: look for it'))).toBe('Turnpike cannot go on: the database is gone');
});

test('an error without a message is named by its code', () => {
  expect(explainFailure(Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }))).toBe('Turnpike cannot go on: ECONNREFUSED');
});

test.each([new TypeError('x is not a function'), new RangeError('too long'), 'thrown text', undefined])('%s is a bug, and is shown whole', (error) => {
  const text = explainFailure(error);
  expect(text).toContain('Turnpike failed, and should not have');
  if (error instanceof Error) expect(text).toContain('explain-failure.test.ts');
});

test('a file that cannot be used is named with who tried, what the system said, and what to do', () => {
  const cause = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
  const failure = fileFailure('/data/secret.key', 'read', cause, 'ask its owner');
  expect(failure.message).toMatch(/^\/data\/secret\.key cannot be read by \S+ \(EACCES\): ask its owner$/);
  expect(failure.cause).toBe(cause);
});
