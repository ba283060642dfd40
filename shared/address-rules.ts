/** Decides which addresses a connection to a server may go to: the same rules for calls, for probes and for whatever a server's metadata names. */
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';
import { addToBlockList } from './policy.ts';

/** The name resolved, but to an address that this server must not have. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
  readonly code = 'TURNPIKE_ADDRESS_REFUSED';
}

/** Loopback, private, link-local, site-local, shared, documentation, multicast and reserved ranges, and IPv6 forms that carry an IPv4 address inside. */
const NOT_PUBLIC = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
] as const;

export class AddressRules {
  readonly #notPublic = blockListOf(NOT_PUBLIC);
  readonly #permittedPrivate: BlockList | undefined;

  /** `privateCidrs` says where servers that are not public may live; undefined leaves private addresses open to them. */
  constructor(privateCidrs: readonly string[] | undefined) {
    this.#permittedPrivate = privateCidrs === undefined ? undefined : blockListOf(privateCidrs);
  }

  mayConnect(address: string, isPublic: boolean): boolean {
    const isPrivate = holds(this.#notPublic, address);
    if (isPublic) return !isPrivate;
    return !isPrivate || this.#permittedPrivate === undefined || holds(this.#permittedPrivate, address);
  }

  /** Throws for a URL whose host is an address that the server must not have: no socket looks those up. */
  refuseLiteral(url: URL, isPublic: boolean): void {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && !this.mayConnect(host, isPublic)) throw new AddressRefused(`${host} is not an address that this server may have`);
  }
}

/** How names are resolved: `lookup` of node:dns. */
type ResolveName = (
  hostname: string,
  options: Parameters<LookupFunction>[1] & { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: { address: string; family: number }[]) => void,
) => void;

/**
 * Resolves once, judges every address, and connects to what was judged, so that a name cannot change its mind in between.
 * A literal address is not looked up by the socket: `refuseLiteral` judges those.
 */
export function guardLookup(resolveName: ResolveName, rules: AddressRules, isPublic: boolean): LookupFunction {
  return (hostname, options, callback) => {
    resolveName(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, [], 0);
      const refused = addresses.find(({ address }) => !rules.mayConnect(address, isPublic));
      const first = addresses[0];
      if (refused !== undefined) return callback(new AddressRefused(`${hostname} resolves to ${refused.address}`), [], 0);
      if (options.all === true || first === undefined) return callback(null, addresses);
      return callback(null, first.address, first.family);
    });
  };
}

function holds(list: BlockList, address: string): boolean {
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

function blockListOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) addToBlockList(list, cidr);
  return list;
}
