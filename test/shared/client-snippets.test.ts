/** What clients are told is exactly what they read, and holds no key. */
import { expect, test } from 'vitest';
import { CLIENT_APPS, clientSnippet } from '../../shared/client-snippets.ts';

const TARGET = { slug: 'github-tools-http', url: 'https://gateway.example.com/v1/mcp/github-tools-http' };

test.each(CLIENT_APPS)('%s is told what it was told before', async (client) => {
  const { content, ...about } = clientSnippet(client, TARGET);
  await expect(`${JSON.stringify(about, null, 2)}\n\n${content}\n`).toMatchFileSnapshot(`client-snippets/${client.toLowerCase()}.txt`);
});

test.each(CLIENT_APPS)('%s: what says json is JSON, and names the URL', (client) => {
  const { content, language, filePath } = clientSnippet(client, TARGET);
  expect(content).toContain(TARGET.url);
  if (language !== 'json') return;
  const file = Object.entries(Object(JSON.parse(content)));
  expect([filePath !== null, file.some(([name]) => name === (client === 'VS_CODE' ? 'servers' : 'mcpServers'))]).toEqual([true, true]);
});

test('deep links carry the same configuration as the files', () => {
  const cursor = new URL(clientSnippet('CURSOR', TARGET).deepLink ?? '');
  const config: unknown = JSON.parse(atob(cursor.searchParams.get('config') ?? ''));
  expect({ mcpServers: { [cursor.searchParams.get('name') ?? '']: config } }).toEqual(JSON.parse(clientSnippet('CURSOR', TARGET).content));
  const link = clientSnippet('VS_CODE', TARGET).deepLink ?? '';
  const { name, inputs, ...server } = Object(JSON.parse(decodeURIComponent(link.slice('vscode:mcp/install?'.length))));
  expect({ inputs, servers: { [name]: server } }).toEqual(JSON.parse(clientSnippet('VS_CODE', TARGET).content));
});

test('the bridge is told of plain HTTP only where it is plain', () => {
  expect(clientSnippet('CLAUDE_DESKTOP', TARGET).content).not.toContain('--allow-http');
  expect(clientSnippet('CLAUDE_DESKTOP', { slug: 'demo', url: 'http://127.0.0.1:8080/v1/mcp/demo' }).content).toContain('--allow-http');
});
