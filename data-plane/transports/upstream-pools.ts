/** Keeps the connections to each upstream origin, those of calls and those of streams apart, and to addresses only that a server may have. */
import { lookup } from 'node:dns';
import { Pool } from 'undici';
import { AddressRules, guardLookup } from '../../shared/address-rules.ts';

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

export class UpstreamPools {
  readonly #settings: PoolSettings;
  readonly #pools = new Map<string, Pool>();
  readonly #rules: AddressRules;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
    this.#rules = new AddressRules(settings.privateCidrs);
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

  /** Throws for a URL whose host is an address that the server must not have. */
  refuseLiteral(url: URL, isPublic: boolean): void {
    this.#rules.refuseLiteral(url, isPublic);
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
      connect: { timeout: connectTimeoutMillis, lookup: guardLookup(lookup, this.#rules, isPublic) },
    });
  }
}
