/** The environment is read once; what is missing or wrong is named in one sentence. */
import { expect, test } from 'vitest';
import { connectionOf } from '../../control-plane/database/orm.ts';
import { readControlPlaneSettings } from '../../control-plane/settings.ts';

const COMPLETE = { DATABASE_URL: 'postgresql://user@host/turnpike', TURNPIKE_SECRET_KEY: 'a secret' };

test('what is not given has the documented value', () => {
  expect(readControlPlaneSettings(COMPLETE)).toMatchObject({
    host: '127.0.0.1',
    port: 4000,
    dataDirectory: './.turnpike',
    gatewayUrl: 'http://127.0.0.1:8080',
    redisUrl: undefined,
    stdioAllowlistPath: undefined,
  });
});

test('every fault is named, and no value is repeated', () => {
  const read = () => readControlPlaneSettings({ CONTROL_PLANE_PORT: '70000', DATABASE_URL: 'mysql://user:canary@host/db' });
  expect(read).toThrow(/CONTROL_PLANE_PORT.*TURNPIKE_SECRET_KEY.*DATABASE_URL/s);
  expect(read).not.toThrow('canary');
});

const POSTGRES = { host: 'db.example', port: 5432, user: 'me', database: 'turnpike', ssl: false };
const SOCKET = { ...POSTGRES, host: '/run/dir', user: 'postgres' };

test.each([
  ['postgresql://me:p%40ss@db.example:6432/turn%20pike', { ...POSTGRES, port: 6432, password: 'p@ss', database: 'turn pike' }],
  ['postgres://me@db.example/turnpike', POSTGRES],
  ['postgresql://postgres@/turnpike?host=/run/dir', SOCKET],
  ['postgresql://postgres@localhost/turnpike?host=%2Frun%2Fdir&port=6000', { ...SOCKET, port: 6000 }],
  ['postgresql:///turnpike?host=/run/dir&user=postgres', SOCKET],
  ['postgresql://postgres@%2Frun%2Fdir/turnpike', SOCKET],
  ['postgresql://me@[::1]:5433/turnpike', { ...POSTGRES, host: '::1', port: 5433 }],
  ['postgresql://me@db.example/turnpike?sslmode=no-verify', { ...POSTGRES, ssl: { rejectUnauthorized: false } }],
])('%s', (url, connection) => {
  expect(connectionOf(url)).toEqual(connection);
});
