/** Keeps the connections to each upstream origin, those of calls and those of streams apart, and decides which addresses a connection may go to. */
import { lookup as resolveName } from 'node:dns';
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';
import { Pool } from 'undici';
import { addToBlockList } from '../../shared/policy.ts';

export interface PoolSettings {
  /** Connections per origin on which calls take turns. */
  readonly connectionsMax: number;
  /** Connections per origin that are held by a stream each, for as long as its caller listens. */
  readonly streamsMax: number;
  /** Where servers that are not public may live; undefined leaves private addresses open. */
  readonly privateCidrs: readonly string[] | undefined;
}

/** What connections of one pool have in common. */
export interface PoolTerms {
  readonly origin: string;
  /** Public and private servers never share a pool: their connections are judged differently. */
  readonly isPublic: boolean;
  readonly connectTimeoutMillis: number;
}

/** The name resolved, but to an address that this server must not have. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
  readonly code = 'TURNPIKE_ADDRESS_REFUSED';
}

/** Loopback, private, link-local, shared, documentation, multicast and reserved ranges, and IPv6 forms that carry an IPv4 address inside. */
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
  'fc00::/7',
  'fe80::/10',
  'ff00::/8',
] as const;

export class UpstreamPools {
  readonly #settings: PoolSettings;
  readonly #pools = new Map<string, Pool>();
  readonly #notPublic = blockListOf(NOT_PUBLIC);
  readonly #permittedPrivate: BlockList | undefined;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
    this.#permittedPrivate = settings.privateCidrs === undefined ? undefined : blockListOf(settings.privateCidrs);
  }

  /** Where calls to an origin go. */
  poolOf(terms: PoolTerms): Pool {
    return this.#poolOf('calls', terms);
  }

  /** Where streams from an origin come from: those who only listen must not keep calls from a connection. */
  streamPoolOf(terms: PoolTerms): Pool {
    return this.#poolOf('streams', terms);
  }

  #poolOf(use: 'calls' | 'streams', terms: PoolTerms): Pool {
    const key = `${use} ${terms.isPublic ? 'public' : 'private'} ${terms.connectTimeoutMillis} ${terms.origin}`;
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      pool = this.#open(terms, use === 'calls' ? this.#settings.connectionsMax : this.#settings.streamsMax);
      this.#pools.set(key, pool);
    }
    return pool;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
    this.#pools.clear();
  }

  #open({ origin, isPublic, connectTimeoutMillis }: PoolTerms, connections: number): Pool {
    return new Pool(origin, {
      connections,
      pipelining: 1,
      allowH2: false,
      connect: { timeout: connectTimeoutMillis, lookup: this.#guardedLookup(isPublic) },
    });
  }

  /**
   * Resolves once, judges every address, and connects to what was judged, so that a name cannot change its mind in between.
   * A literal address is not looked up by the socket: `refuseLiteral` judges those.
   */
  #guardedLookup(isPublic: boolean): LookupFunction {
    return (hostname, options, callback) => {
      resolveName(hostname, { ...options, all: true }, (error, addresses) => {
        if (error !== null) return callback(error, [], 0);
        const refused = addresses.find(({ address }) => !this.#mayConnect(address, isPublic));
        const first = addresses[0];
        if (refused !== undefined) return callback(new AddressRefused(`${hostname} resolves to ${refused.address}`), [], 0);
        if (options.all === true || first === undefined) return callback(null, addresses);
        return callback(null, first.address, first.family);
      });
    };
  }

  /** Throws for a URL whose host is an address that the server must not have. */
  refuseLiteral(url: URL, isPublic: boolean): void {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && !this.#mayConnect(host, isPublic)) throw new AddressRefused(`${host} is not an address that this server may have`);
  }

  #mayConnect(address: string, isPublic: boolean): boolean {
    const isPrivate = holds(this.#notPublic, address);
    if (isPublic) return !isPrivate;
    return !isPrivate || this.#permittedPrivate === undefined || holds(this.#permittedPrivate, address);
  }
}

function holds(list: BlockList, address: string): boolean {
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

function blockListOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) addToBlockList(list, cidr);
  return list;
}
