/** The end of standard error is kept, and no secret in it is told. */
import { expect, test } from 'vitest';
import { StderrTail } from '../../../data-plane/transports/stderr-tail.ts';
import { mintToken } from '../../../shared/token.ts';

function told(chunks: readonly string[], secrets: readonly string[] = [], bytesMax = 64): string {
  const tail = new StderrTail(bytesMax);
  for (const chunk of chunks) tail.push(Buffer.from(chunk));
  return tail.tell(secrets);
}

test('short output is told whole', () => {
  expect(told(['one\n', 'two'])).toBe('one\ntwo');
});

test('long output loses its beginning up to a whole line', () => {
  expect(told(['a'.repeat(60), `b\n${'c'.repeat(20)}\n`, 'end\n'])).toBe(`${'c'.repeat(20)}\nend\n`);
});

test('a cut without a whole line tells nothing', () => {
  expect(told(['x'.repeat(1000)])).toBe('');
});

test('secrets are hidden across chunks, by line too', () => {
  expect(told(['key=s3cr', 'et-value and line-two', ' x'], ['s3cret-value', 'line-one\nline-two', 'x'])).toBe('key=[redacted] and [redacted] x');
});

test('a virtual key is hidden', () => {
  const { token, prefix } = mintToken('apiKey');
  expect(told([`got ${token}!`], [], 1000)).toBe(`got ${prefix}_[redacted]!`);
});
