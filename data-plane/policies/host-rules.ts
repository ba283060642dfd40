/** Which names a request may call the gateway by: a browser that was lied to about an address still says the name (DNS rebinding). */

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
const LOOPBACK_ADDRESS = /^(?:127\.|::1$|::ffff:127\.)/;
const PORT = /:\d*$/;

export class HostRules {
  readonly #allowed: ReadonlySet<string> | undefined;

  /** Without a list, only what arrives over loopback is judged: elsewhere nobody knows what the gateway is called. */
  constructor(allowed: readonly string[] | undefined) {
    this.#allowed = allowed === undefined ? undefined : new Set(allowed.map((name) => name.toLowerCase()));
  }

  /** `host` as it stands in the header, `localAddress` as the socket has it. */
  allows(host: string, localAddress: string): boolean {
    const isLoopback = LOOPBACK_ADDRESS.test(localAddress);
    if (!isLoopback && this.#allowed === undefined) return true;
    const name = host.replace(PORT, '').toLowerCase();
    return (isLoopback && LOOPBACK_NAMES.has(name)) || this.#allowed?.has(name) === true;
  }
}
