/** An HTTP server that answers as a test says, and is gone with it. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { freePort } from './processes.ts';

export interface HeardRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface GivenAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body: unknown;
}

/** Answers its origin. */
export async function answerHttp(answerTo: (request: HeardRequest) => GivenAnswer): Promise<string> {
  const server = createServer((request, response) => {
    text(request)
      .then((body) => answerTo({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body }))
      .then(({ status = 200, headers = {}, body }) => response.writeHead(status, headers).end(JSON.stringify(body)))
      // The test sees a connection that breaks, and the reason in its place.
      .catch((error: unknown) => response.destroy(error instanceof Error ? error : new Error(String(error))));
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${port}`;
}
