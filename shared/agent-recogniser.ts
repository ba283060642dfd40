/** Tells which agent a client counts as, by what it says of itself: anybody may say anything, so whatever hangs on it may only narrow. */
import type { Agent, AgentClient } from './agent.ts';
import { compileNamePatterns } from './name-pattern.ts';
import { compileVersionRange } from './version-range.ts';

/** What a client says of itself. */
export interface ClientClaim {
  /** Null for one that names nothing. */
  readonly name: string | null;
  readonly version: string | null;
  /** Asked where there is no name. */
  readonly userAgent: string | undefined;
}

export interface Recognition {
  readonly agent: Agent;
  readonly client: AgentClient;
}

type Fits = (claim: ClientClaim) => boolean;

interface Candidate extends Recognition {
  readonly fits: Fits;
}

const USER_AGENT_LENGTH_MAX = 256;
const REMEMBERED_MAX = 1000;
/** A client that has not changed is the same object from one configuration to the next. */
const compiled = new WeakMap<AgentClient, Fits>();

/** Compiles the patterns of an agent ahead of the first request that asks for them. */
export function prepareAgent({ clients }: Agent): void {
  for (const client of clients) fitsOf(client);
}

export class AgentRecogniser {
  readonly #candidates: readonly Candidate[];
  readonly #remembered = new Map<string, Recognition | undefined>();

  /** Where several fit, the organisation's own agents come before predefined ones, and older ones before newer; of one agent, its clients in their order. */
  constructor(agents: Iterable<Agent>) {
    const inOrder = [...agents].toSorted((one, other) => (rankOf(one) < rankOf(other) ? -1 : 1));
    this.#candidates = inOrder.flatMap((agent) => agent.clients.map((client) => ({ agent, client, fits: fitsOf(client) })));
  }

  /** No client counts as any agent. */
  get isEmpty(): boolean {
    return this.#candidates.length === 0;
  }

  recognise(claim: ClientClaim): Recognition | undefined {
    const text = claim.name === null ? `user-agent ${shortened(claim.userAgent)}` : `${claim.version ?? ''} ${claim.name}`;
    if (this.#remembered.has(text)) return this.#remembered.get(text);
    const found = this.#candidates.find(({ fits }) => fits(claim));
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear();
    this.#remembered.set(text, found);
    return found;
  }
}

function shortened(userAgent = ''): string {
  return userAgent.slice(0, USER_AGENT_LENGTH_MAX);
}

function rankOf({ kind, id }: Agent): string {
  return `${kind === 'CUSTOM' ? 0 : 1}${id}`;
}

function fitsOf(client: AgentClient): Fits {
  let fits = compiled.get(client);
  if (fits === undefined) compiled.set(client, (fits = compileClient(client)));
  return fits;
}

function compileClient({ clientNames, userAgents, versionRange }: AgentClient): Fits {
  const hasName = compileNamePatterns(clientNames);
  const hasUserAgent = compileNamePatterns(userAgents);
  const isInRange = versionRange === null ? () => true : compileVersionRange(versionRange);
  return ({ name, version, userAgent }) => {
    if (name !== null) return hasName(name) && isInRange(version ?? '');
    if (userAgent === undefined || versionRange !== null) return false;
    return hasUserAgent(shortened(userAgent));
  };
}
