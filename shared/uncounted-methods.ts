/** JSON-RPC methods of which limits take no notice, whoever counts: data planes, or a simulation of what they would have counted. */

/** The handshake and other housekeeping of the protocol cost nothing and use up nothing. */
export const HOUSEKEEPING: ReadonlySet<string> = new Set(['initialize', 'ping', 'server/discover']);

/** How a client finds out what it talks to: never refused for its rate, or clients fall back to older handshakes (`protocol.md` section 1). */
export const PROBES: ReadonlySet<string> = new Set(['server/discover']);
