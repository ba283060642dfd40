/** Judges the head of an upstream's HTTP answer: what it may not say to a caller is told as a refusal. */
import { Refusal, type RefusalFacts } from '../../shared/refusal.ts';
import type { RefusalReason } from '../../shared/refusals.ts';
import type { GovernedServer } from '../config/governed-server.ts';

type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** No upstream may send a caller elsewhere, ask it to sign in, or hand it bytes that nobody can look at. */
export function objectionTo(server: GovernedServer, status: number, headers: AnswerHeaders): Refusal | undefined {
  const name = `'${server.config.slug}'`;
  const coding = headers['content-encoding'];
  if (coding !== undefined && coding !== 'identity') return badAnswer(server, 'bad_answer', 'a content coding that was not asked for');
  if (status >= 300 && status < 400) return new Refusal('upstream_error', 'redirect_refused', `${name} answered with a redirect, which is not followed`);
  if (status === 401 || status === 403 || status === 407) {
    return new Refusal('upstream_auth_error', 'rejected_credentials', `${name} did not accept Turnpike's credentials (status ${status})`, {
      upstreamStatus: status,
    });
  }
  if (status >= 500) return badAnswer(server, 'bad_status', `status ${status}`, { upstreamStatus: status });
  return undefined;
}

export function badAnswer(server: GovernedServer, reason: RefusalReason<'upstream_error'>, what: string, facts: RefusalFacts = {}): Refusal {
  return new Refusal('upstream_error', reason, `'${server.config.slug}' answered with ${what}`, facts);
}
