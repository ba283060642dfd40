/** Ports are tried before anything is started. */
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { explainFailure } from '../../bin/explain-failure.ts';
import { freePort, isLoopback, urlOf } from '../../bin/ports.ts';

test('for 0 there is a free port, which can be listened on at once', async () => {
  const port = await freePort(0, '127.0.0.1');
  expect(port).toBeGreaterThan(0);
  expect(await freePort(port, '127.0.0.1')).toBe(port);
});

test('a port that is taken is refused with the variable that sets it', async () => {
  const port = await freePort(0, '127.0.0.1');
  const taken = createServer().listen(port, '127.0.0.1');
  onTestFinished(() => void taken.close());
  const error: unknown = await freePort(port, '127.0.0.1').catch((failure: unknown) => failure);
  expect(explainFailure(error, [{ variable: 'DATA_PLANE_PORT', port }])).toBe(
    `Turnpike cannot go on: port ${port} is taken by another program; set DATA_PLANE_PORT to a free one`,
  );
});

test.each(['192.0.2.1', 'no-such-host.invalid'])('%s is no address of this machine, whatever the port', async (host) => {
  const error: unknown = await freePort(0, host).catch((failure: unknown) => failure);
  expect(explainFailure(error)).toBe(`Turnpike cannot go on: ${host} is not an address of this machine; set TURNPIKE_HOST to one`);
});

test.each([
  ['127.0.0.1', 'http://127.0.0.1:4000'],
  ['localhost', 'http://localhost:4000'],
  ['0.0.0.0', 'http://127.0.0.1:4000'],
  ['::', 'http://127.0.0.1:4000'],
  ['::1', 'http://[::1]:4000'],
])('what listens on %s is reached at %s', (host, url) => {
  expect(urlOf(host, 4000)).toBe(url);
  expect(new URL(urlOf(host, 4000)).port).toBe('4000');
});

test.each([
  ['127.0.0.1', true],
  ['127.8.8.8', true],
  ['localhost', true],
  ['::1', true],
  ['0.0.0.0', false],
  ['10.0.0.1', false],
  ['::', false],
])('%s is reached from this machine alone: %s', (host, isAlone) => {
  expect(isLoopback(host)).toBe(isAlone);
});
