/** The cookie is for HTTPS alone, but in development mode, on the machine itself. */
import { expect, test } from 'vitest';
import { hostCookie } from '../../../control-plane/sessions/host-cookie.ts';

const EXPIRES = new Date('2030-01-01T00:00:00Z');
const strict = hostCookie('turnpike-session', false);
const development = hostCookie('turnpike-session', true);

test.each(['localhost:4000', 'LOCALHOST', '127.0.0.1:4000', '[::1]:4000'])('in development mode %s gets a cookie that plain HTTP carries', (host) => {
  expect(development.keep({ host }, 'tps_x', EXPIRES)).toBe('turnpike-session=tps_x; Path=/; Expires=Tue, 01 Jan 2030 00:00:00 GMT; HttpOnly; SameSite=Lax');
  expect(development.read({ host, cookie: 'turnpike-session=tps_x' })).toBe('tps_x');
  expect(development.forget({ host })).toContain('turnpike-session=; Path=/; Expires=Thu, 01 Jan 1970');
});

test.each([
  [development, 'turnpike.example.com'],
  [development, '127.0.0.1.example.com'],
  [development, 'localhost.example.com:4000'],
  [development, undefined],
  [strict, 'localhost:4000'],
])('anything else gets one for HTTPS alone, and no other is looked at (%#)', (cookies, host) => {
  const headers = host === undefined ? {} : { host };
  expect(cookies.keep(headers, 'tps_x', EXPIRES)).toMatch(/^__Host-turnpike-session=tps_x; Path=\/; .*; HttpOnly; SameSite=Lax; Secure$/);
  expect(cookies.read({ ...headers, cookie: 'turnpike-session=tps_plain' })).toBeUndefined();
  expect(cookies.read({ ...headers, cookie: 'a=b; __Host-turnpike-session=tps_x; c' })).toBe('tps_x');
});

test.each([undefined, '', '__Host-turnpike-session', '__Host-turnpike-session=', 'x__Host-turnpike-session=tps_x'])('%s holds no session', (cookie) => {
  expect(strict.read(cookie === undefined ? {} : { cookie })).toBeUndefined();
});
