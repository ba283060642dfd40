/** What is wrong with the environment is one sentence that names the variable. */
import { expect, test } from 'vitest';
import { readDataPlaneSettings } from '../../data-plane/settings.ts';

const GIVEN = { TURNPIKE_SECRET_KEY: 'secret', CONTROL_PLANE_URL: 'http://127.0.0.1:4000', DATA_PLANE_TOKEN: 'token' };

test('private networks are addresses and blocks, with or without blanks between them', () => {
  const { upstreamPrivateCidrs } = readDataPlaneSettings({ ...GIVEN, UPSTREAM_PRIVATE_CIDRS: '10.0.0.0/8, fd00::/8,192.168.1.7' });
  expect(upstreamPrivateCidrs).toEqual(['10.0.0.0/8', 'fd00::/8', '192.168.1.7']);
  expect(readDataPlaneSettings(GIVEN).upstreamPrivateCidrs).toBeUndefined();
});

test.each(['10.0.0.0/33', '10.0.0', 'everything', '', '10.0.0.0/8,'])('private networks %j are refused', (UPSTREAM_PRIVATE_CIDRS) => {
  expect(() => readDataPlaneSettings({ ...GIVEN, UPSTREAM_PRIVATE_CIDRS })).toThrow(/UPSTREAM_PRIVATE_CIDRS.*must be an address or a CIDR block/);
});

test('STDIO servers get a user and a group', () => {
  expect(readDataPlaneSettings({ ...GIVEN, TURNPIKE_STDIO_USER: '1001:1002' }).stdioUser).toEqual({ uid: 1001, gid: 1002 });
  expect(readDataPlaneSettings(GIVEN).stdioUser).toBeUndefined();
});

test.each(['1001', '0:1', '1:0', 'nobody:nogroup', '1:4294967295', '1:2:3'])('%j is no user for STDIO servers', (TURNPIKE_STDIO_USER) => {
  expect(() => readDataPlaneSettings({ ...GIVEN, TURNPIKE_STDIO_USER })).toThrow(/TURNPIKE_STDIO_USER/);
});

test('every fault is named at once', () => {
  expect(() => readDataPlaneSettings({ ...GIVEN, CONTROL_PLANE_URL: 'ftp://x', DATA_PLANE_PORT: '70000' })).toThrow(
    /CONTROL_PLANE_URL.*DATA_PLANE_PORT|DATA_PLANE_PORT.*CONTROL_PLANE_URL/,
  );
});

test('a node is reached at an origin and nothing more', () => {
  expect(readDataPlaneSettings({ ...GIVEN, DATA_PLANE_NODE_URL: 'http://10.0.0.1:8080/' }).nodeUrl).toBe('http://10.0.0.1:8080');
  expect(readDataPlaneSettings(GIVEN).nodeUrl).toBeUndefined();
  for (const DATA_PLANE_NODE_URL of ['https://10.0.0.1', 'http://10.0.0.1/v1', 'http://user@10.0.0.1', '10.0.0.1:8080']) {
    expect(() => readDataPlaneSettings({ ...GIVEN, DATA_PLANE_NODE_URL })).toThrow(/DATA_PLANE_NODE_URL/);
  }
});
