/** The one way to say no: a step throws a `Refusal`, and anything else that is thrown is a bug. */
import { REFUSALS, type RefusalCode, type RefusalReason } from './refusals.ts';

/** Which rule decided, so that a denial leads the person who may change it to the place where it stands. */
export interface RuleReference {
  /** The noun that carries the rule, such as `mcpServer`, `policy` or `limit`. */
  readonly kind: string;
  readonly id?: string;
  /** Where in the noun, such as `blockedTools` or `policies.ratelimit.requests.per_minute`. */
  readonly path: string;
}

/** What a caller may learn beside code and reason. Everything here is shown to the holder of the key. */
export interface RefusalFacts {
  readonly scope?: string;
  readonly limit?: string | number;
  readonly used?: string | number;
  readonly reserved?: string | number;
  /** What the window before left to this one, on top of the limit. */
  readonly carriedOver?: string | number;
  readonly remaining?: string | number;
  readonly window?: string;
  readonly limitId?: string;
  readonly owner?: string;
  /** RFC 3339 instant at which the limit has room again. */
  readonly resetAt?: string;
  /** Whole seconds, rounded up, as `Retry-After` carries them (RFC 9110 section 10.2.3). */
  readonly retryAfterSeconds?: number;
  readonly rule?: RuleReference;
  /** Protocol revisions that would do, and the one that was asked for. */
  readonly supported?: readonly string[];
  readonly requested?: string;
  /** The HTTP status that an MCP server answered with. */
  readonly upstreamStatus?: number;
}

export class Refusal<Code extends RefusalCode = RefusalCode> extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly code: Code;
  readonly reason: RefusalReason<Code>;
  readonly facts: RefusalFacts;

  /** `detail` is the sentence that the caller reads: names of their own server and tool, never another tenant's, never a secret. */
  constructor(code: Code, reason: RefusalReason<Code>, detail?: string, facts: RefusalFacts = {}, options?: ErrorOptions) {
    super(detail ?? REFUSALS[code].sentence, options);
    this.code = code;
    this.reason = reason;
    this.status = REFUSALS[code].status;
    this.facts = facts;
  }
}

/** Turns whatever was thrown into a refusal. A bug becomes `internal`, keeps its cause for the log and tells the caller nothing. */
export function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal('internal', 'internal', REFUSALS.internal.sentence, {}, { cause: error });
}
