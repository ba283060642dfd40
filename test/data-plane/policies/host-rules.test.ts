/** A name that an attacker's domain lends to a loopback address opens nothing. */
import { describe, expect, test } from 'vitest';
import { HostRules } from '../../../data-plane/policies/host-rules.ts';

describe('over loopback', () => {
  const rules = new HostRules(undefined);

  test.each(['localhost', 'LOCALHOST:8080', '127.0.0.1:8080', '[::1]:8080', '[::1]'])('%s is the machine itself', (host) => {
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) expect(rules.allows(host, address)).toBe(true);
  });

  test.each(['evil.example', 'evil.example:8080', 'localhost.evil.example', '127.0.0.1.evil.example:80', '', ':8080'])('%s is somebody else', (host) => {
    expect(rules.allows(host, '127.0.0.1')).toBe(false);
  });

  test('a name on the list is allowed as well, with any port', () => {
    const listed = new HostRules(['Gateway.example']);
    expect(listed.allows('gateway.EXAMPLE:8443', '127.0.0.1')).toBe(true);
    expect(listed.allows('localhost:8080', '127.0.0.1')).toBe(true);
  });
});

describe('from elsewhere', () => {
  test('without a list every name is allowed', () => {
    expect(new HostRules(undefined).allows('gateway.example', '10.0.0.7')).toBe(true);
  });

  test('with a list only its names are', () => {
    const rules = new HostRules(['gateway.example']);
    expect(rules.allows('gateway.example', '10.0.0.7')).toBe(true);
    expect(rules.allows('other.example', '10.0.0.7')).toBe(false);
    expect(rules.allows('localhost', '10.0.0.7')).toBe(false);
  });
});
