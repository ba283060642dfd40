/** Passes a request on to another HTTP server, and what that answers back as it comes. */
import { request as ask, type IncomingMessage, type ServerResponse } from 'node:http';

/** `origin`: where the server is. Whoever leaves ends what was begun for him. */
export function passOn(request: IncomingMessage, response: ServerResponse, origin: string): void {
  const { method, headers, url = '/' } = request;
  const passed = ask(new URL(url, origin), { ...(method === undefined ? {} : { method }), headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    response.flushHeaders();
    answer.pipe(response);
    answer.on('error', () => response.destroy());
  });
  passed.on('error', () => response.destroy());
  response.on('close', () => passed.destroy());
  request.pipe(passed);
}
