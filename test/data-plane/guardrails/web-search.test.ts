/** A call of a web-search server leads where its policy lets it, and its results show no other links. */
import { describe, expect, test } from 'vitest';
import { compileServer } from '../../../data-plane/config/compile-server.ts';
import { readRpcCall } from '../../../data-plane/mcp/read-rpc-call.ts';
import { applyWebSearch } from '../../../data-plane/guardrails/web-search-calls.ts';
import { redactLinks } from '../../../data-plane/guardrails/web-search-links.ts';
import { compileWebSearch, type CompiledWebSearch } from '../../../data-plane/guardrails/web-search.ts';
import { hostsIn } from '../../../data-plane/guardrails/web-hosts.ts';
import { linksIn } from '../../../data-plane/guardrails/web-links.ts';
import { Trail } from '../../../data-plane/trail.ts';
import { Refusal } from '../../../shared/refusal.ts';
import type { SearchTool, WebSearchPolicy } from '../../../shared/web-search.ts';
import { testSealer } from '../../support/config-frames.ts';
import { mcpServer } from '../../support/domain.ts';

const TOOL: SearchTool = {
  name: 'search',
  includeDomains: 'include_domains',
  excludeDomains: 'exclude_domains',
  safeSearch: { argument: 'safe', value: 'strict' },
};

function policyOf(given: Partial<WebSearchPolicy>, tools: readonly SearchTool[] = [TOOL]): CompiledWebSearch {
  const policy: WebSearchPolicy = { allowedDomains: [], blockedDomains: [], safeSearch: false, mode: 'ENFORCE', ...given };
  const compiled = compileWebSearch({ webSearchPolicy: policy, searchTools: [...tools] });
  if (compiled === undefined) throw new Error('there is a policy');
  return compiled;
}

const server = compileServer(mcpServer('org_1'), testSealer);
const callOf = (args: unknown): string => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":${JSON.stringify(args)}}}`;

/** The bytes that go upstream, or the path of the rule that refused. */
function outcomeOf(policy: CompiledWebSearch, text: string, trail = new Trail()): string {
  try {
    return applyWebSearch(server, policy, readRpcCall(Buffer.from(text)), trail).bytes.toString('utf8');
  } catch (error) {
    if (!(error instanceof Refusal) || error.reason !== 'web_search_policy') throw error;
    return `refused by ${error.facts.rule?.path}`;
  }
}

describe('the hosts of a call', () => {
  test.each([
    [{ url: 'https://a.com/x' }, ['a.com']],
    [{ URLs: ['a.com', 'http://b.org'] }, ['a.com', 'b.org']],
    [{ start_url: 'a.com/path' }, ['a.com']],
    [{ 'include-domains': ['*.a.com', '-b.org'] }, ['a.com']],
    [{ domains: 'a.com, b.org|c.net' }, ['a.com', 'b.org', 'c.net']],
    [{ exclude_domains: ['a.com'] }, []],
    [{ query: 'cats site:a.com -site:b.org SITE:c.net' }, ['a.com', 'c.net']],
    [{ query: 'cats ｓｉｔｅ：a.com' }, ['a.com']],
    [{ query: 'si\u200bte:a.com' }, ['a.com']],
    [{ anything: ['see https://a.com, and (http://b.org)'] }, ['a.com', 'b.org']],
    [{ url: 'https://proxy.com/https://evil.com/' }, ['proxy.com', 'evil.com']],
    [{ url: 'https://proxy.com/?to=https%3A%2F%2Fevil.com%2F' }, ['proxy.com', 'evil.com']],
    [{ query: `https://${'x'.repeat(3000)}@evil.com/` }, ['evil.com']],
    [{ query: 'http:evil.com https:\\\\b.org#c http://d.net?e (see http://[::1]:80/x, http://[::2])' }, ['evil.com', 'b.org', 'd.net', '::1', '::2']],
    [{ query: 'https://a.com!b.com https://user:@c.com:8080. https://d.com)/' }, ['a.com!b.com', 'c.com', 'd.com)']],
    [{ query: 'https://ahttps:bhttps://c.com https://ftp:21' }, ['bhttps', 'c.com', 'ftp']],
    [{ query: 'https:// https://? https:' }, []],
    [{ url: 'file:///etc/passwd' }, ['']],
    [{ query: 'what is a website' }, []],
    [{ page: '2', 'https://key.com': 1 }, []],
  ])('%j: %j', (args, hosts) => {
    expect([...hostsIn(args)]).toEqual(hosts);
  });
});

describe('a call is refused', () => {
  const allowed = policyOf({ allowedDomains: ['good.com'] }, []);
  const blocked = policyOf({ blockedDomains: ['evil.com', 'xn--bcher-kva.example'] }, []);

  test.each(['https://good.com.evil.org', 'good.com@evil.org', 'http://127.0.0.1', 'file:///x', 'https://notgood.com'])('%j is not allowed', (url) => {
    expect(outcomeOf(allowed, callOf({ url }))).toBe('refused by webSearchPolicy.allowedDomains');
  });

  test.each(['https://sub.EVIL.com./', 'https://good.com@evil.com', 'https://BÜCHER.example', 'http://3232235777/', 'https://ｅｖｉｌ.com'])(
    '%j is blocked',
    (url) => {
      expect(outcomeOf(blocked, callOf({ url }))).toBe('refused by webSearchPolicy.blockedDomains');
    },
  );

  test.each(['https://good.com', 'www.good.com/x'])('%j passes as it came', (url) => {
    for (const policy of [allowed, blocked]) expect(outcomeOf(policy, callOf({ url }))).toBe(callOf({ url }));
  });

  test.each([['https://evil.com'], 'https://evil.com'])('arguments that are %j are judged too', (args) => {
    expect(outcomeOf(blocked, callOf(args))).toBe('refused by webSearchPolicy.blockedDomains');
  });

  test('blocked wins over allowed', () => {
    const both = policyOf({ allowedDomains: ['good.com'], blockedDomains: ['bad.good.com'] }, []);
    expect(outcomeOf(both, callOf({ url: 'https://bad.good.com' }))).toBe('refused by webSearchPolicy.blockedDomains');
  });

  test('and with OBSERVE it is only noted', () => {
    const trail = new Trail();
    const text = callOf({ url: 'https://evil.com', query: 'site:evil.com' });
    expect(outcomeOf(policyOf({ blockedDomains: ['evil.com'], safeSearch: true, mode: 'OBSERVE' }), text, trail)).toBe(text);
    expect(trail.observed).toEqual([expect.stringContaining('mcp_guardrail_block/web_search_policy')]);
    expect([trail.dlp.outcome, JSON.parse(trail.dlp.findingsJson ?? '[]')]).toEqual([
      'OBSERVED',
      [{ direction: 'REQUEST', kind: 'DOMAIN', rule: 'evil.com', action: 'OBSERVE', count: 1 }],
    ]);
  });
});

describe('a tool is told', () => {
  const argumentsSent = (policy: CompiledWebSearch, args: unknown): unknown => JSON.parse(outcomeOf(policy, callOf(args))).params.arguments;

  test('to keep to the allowed domains, unless the caller asks for fewer', () => {
    const policy = policyOf({ allowedDomains: ['good.com', 'fine.org'], blockedDomains: ['evil.com'] });
    expect(argumentsSent(policy, { query: 'cats' })).toEqual({ query: 'cats', include_domains: ['good.com', 'fine.org'] });
    expect(argumentsSent(policy, { include_domains: [] })).toEqual({ include_domains: ['good.com', 'fine.org'] });
    for (const none of [[''], ['-good.com'], [' '], 'good.com', null])
      expect(argumentsSent(policy, { include_domains: none })).toEqual({ include_domains: ['good.com', 'fine.org'] });
    expect(argumentsSent(policy, { include_domains: ['www.good.com'] })).toEqual({ include_domains: ['www.good.com'] });
    expect(outcomeOf(policy, callOf({ include_domains: ['other.com'] }))).toContain('refused');
  });

  test('to leave out blocked domains, beside those that the caller leaves out', () => {
    const policy = policyOf({ blockedDomains: ['evil.com', 'bad.org'] });
    expect(argumentsSent(policy, { exclude_domains: ['evil.com', 'x.net'] })).toEqual({ exclude_domains: ['evil.com', 'x.net', 'bad.org'] });
  });

  test('to be safe, whatever the caller wants', () => {
    expect(argumentsSent(policyOf({ safeSearch: true }), { safe: 'off', q: 'x' })).toEqual({ safe: 'strict', q: 'x' });
  });

  test('also in a batch, and in a call without arguments', () => {
    const policy = policyOf({ safeSearch: true });
    const bare = '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"search"}}';
    expect(JSON.parse(outcomeOf(policy, `[${callOf({})} , ${bare}]`))).toMatchObject([
      { params: { arguments: { safe: 'strict' } } },
      { params: { arguments: { safe: 'strict' } } },
    ]);
  });

  test.each(['null', '"x"', '[1]', '{}'])('in the place of arguments that are %s', (given) => {
    const text = `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"search","arguments":${given},"_meta":{"a":{}}}}`;
    expect(JSON.parse(outcomeOf(policyOf({ safeSearch: true }), text)).params).toEqual({ name: 'search', arguments: { safe: 'strict' }, _meta: { a: {} } });
  });

  test('nothing that its schema does not name', () => {
    const text = callOf({ query: 'cats' });
    expect(outcomeOf(policyOf({ allowedDomains: ['good.com'], safeSearch: true }, []), text)).toBe(text);
  });
});

test('links that lead elsewhere are redacted in results, and noted', () => {
  const trail = new Trail();
  const result = (first: string, second: string) =>
    `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"see [it](${first}), or ${second}."}],"structuredContent":{"url":"${first}","HTTPS://evil.com":1}}}`;
  const policy = policyOf({ blockedDomains: ['evil.com'] });
  const judged = redactLinks(Buffer.from(result('HTTPS://www.Evil.com/a?b=(c', 'https://good.com/x')), policy, trail).toString('utf8');
  expect(judged).toBe(result('[redacted:DOMAIN]', 'https://good.com/x'));
  expect([trail.dlp.outcome, JSON.parse(trail.dlp.findingsJson ?? '[]')]).toEqual([
    'REDACTED',
    [{ direction: 'RESPONSE', kind: 'DOMAIN', rule: 'evil.com', action: 'REDACT', count: 2 }],
  ]);
  const observing = policyOf({ blockedDomains: ['evil.com'], mode: 'OBSERVE' });
  const bytes = Buffer.from(result('https://evil.com', 'x'));
  expect(redactLinks(bytes, observing, new Trail())).toBe(bytes);
});

test.each(['http:a', 'https://a.b/', 'https://', 'https://a@'])('%j a hundred thousand times over is read at once', (link) => {
  expect(hostsIn({ query: link.repeat(100_000) }).size).toBeLessThan(1000);
});

test('a link to an address of IPv6 is redacted with its bracket', () => {
  expect(linksIn('(http://[::1])')).toEqual([{ start: 1, end: 13, host: '::1' }]);
});

test('a link with a million marks in it is read at once', () => {
  expect(linksIn(`https://a.com/${'!'.repeat(1_000_000)}a.`)).toEqual([{ start: 0, end: 1_000_015, host: 'a.com' }]);
});
