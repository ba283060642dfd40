/** What stands before a control plane in production: ends TLS, passes every request on, and remembers which came. */
import { createServer } from 'node:https';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { listenOnLoopback } from './loopback.ts';
import { passOn } from './pass-on.ts';
import { SELF_SIGNED } from './self-signed.ts';

export interface TlsFront {
  readonly origin: string;
  /** Paths that were asked for through it. */
  readonly asked: string[];
  /** Where requests go from now on. */
  leadTo(origin: string): void;
  close(): Promise<void>;
}

/** From then on this process trusts its certificate. */
export async function startTlsFront(): Promise<TlsFront> {
  setDefaultCACertificates([...getCACertificates('default'), SELF_SIGNED.cert]);
  const asked: string[] = [];
  let behind = '';
  const server = createServer(SELF_SIGNED, (request, response) => {
    asked.push(new URL(request.url ?? '', 'https://localhost').pathname);
    passOn(request, response, behind);
  });
  const { origin, close } = await listenOnLoopback(server);
  return {
    // The certificate is of this name.
    origin: `https://localhost:${new URL(origin).port}`,
    asked,
    leadTo: (next) => void (behind = next),
    close,
  };
}
