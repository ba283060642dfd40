/** Answers an HTTP request with one JSON document. */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

export function answerJson(response: ServerResponse, status: number, body: unknown, headers: OutgoingHttpHeaders = {}): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text), ...headers });
  response.end(text);
}
