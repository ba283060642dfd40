/** Makes sure that the ports are free before anything else is started. */
import { createServer } from 'node:net';
import { hostSentence } from './explain-failure.ts';

/** Resolves with the port itself, or with a free one for 0. Rejects with the system's error when it cannot be listened on, and with a sentence when the host has no address. */
export function freePort(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => reject('syscall' in error && error.syscall === 'getaddrinfo' ? new Error(hostSentence(host), { cause: error }) : error));
    server.listen(port, host, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
    });
  });
}

/** How this machine reaches a server that listens on `host`. */
export function urlOf(host: string, port: number): string {
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
