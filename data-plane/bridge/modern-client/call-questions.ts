/** What a server has asked during one call and not been answered yet, under the names by which the caller answers. */
import { canonicalToken } from '../../transports/rpc-tokens.ts';
import { findMember, findTopLevelValue } from '../../transports/json-members.ts';

/** A request of a server to its client. */
export interface Question {
  readonly method: string;
  /** The id, as the server wrote it. */
  readonly idToken: string;
  /** JSON; undefined without params. */
  readonly params: string | undefined;
}

/** The only methods that may be answered with questions (MCP 2026-07-28, Multi round-trip requests). */
export const ROUND_METHODS: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);
const QUESTIONS_MAX = 16;
const LENGTH_MAX = 1024 * 1024;

export class CallQuestions {
  readonly #open = new Map<string, Question>();
  #last = 0;

  get size(): number {
    return this.#open.size;
  }

  /** False when there are as many as there may be. */
  add(question: Question): boolean {
    const length = [...this.#open.values(), question].reduce((sum, { params }) => sum + (params?.length ?? 0), 0);
    if (this.#open.size >= QUESTIONS_MAX || length > LENGTH_MAX) return false;
    this.#open.set(`question-${++this.#last}`, question);
    return true;
  }

  /** The server no longer wants the answer. */
  withdraw(idToken: string): void {
    for (const [name, question] of this.#open) if (canonicalToken(question.idToken) === canonicalToken(idToken)) this.#open.delete(name);
  }

  /** The server's messages that a retry with these params brings, each for a question that is open no longer; its other questions stay. */
  takeAnswers(retry: Buffer): Buffer[] {
    const params = findTopLevelValue(retry, 'params');
    const results = params === undefined ? undefined : findMember(retry, params, 'inputResponses');
    const answers: Buffer[] = [];
    for (const [name, { idToken }] of this.#open) {
      const result = results === undefined ? undefined : findMember(retry, results, name);
      if (result === undefined) continue;
      this.#open.delete(name);
      answers.push(Buffer.concat([Buffer.from(`{"jsonrpc":"2.0","id":${idToken},"result":`), retry.subarray(result.start, result.end), Buffer.from('}')]));
    }
    return answers;
  }

  /** The open ones as the member `inputRequests` has them. */
  toInputRequests(): string {
    const asked = [...this.#open].map(([name, { method, params }]) => {
      return `${JSON.stringify(name)}:{"method":${JSON.stringify(method)}${params === undefined ? '' : `,"params":${params}`}}`;
    });
    return `{${asked.join(',')}}`;
  }
}
