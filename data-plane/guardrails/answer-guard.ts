/** Looks at an answer on its way to the caller: hides entries of lists, blocks words, notes errors; otherwise lets the bytes pass. */
import { Refusal } from '../../shared/refusal.ts';
import type { AllowedCall } from '../evidence.ts';
import { createEventStreamFilter, type EventStreamFilter } from '../mcp/event-stream-filter.ts';
import { dataOfEvent, EventStreamSplitter } from '../mcp/event-stream.ts';
import { NO_KEYS, scanJson } from '../mcp/json-scan.ts';
import { filterLists } from './list-filter.ts';
import type { CompiledFilter } from './semantic-filter.ts';

/** Answers may nest deeper than requests, since JSON schemas do; what is deeper cannot be searched for words. */
const ANSWER_LIMITS = { depthMax: 512, tokensMax: Number.POSITIVE_INFINITY } as const;
/** How the keys `error` and `isError` both end; an answer without it says of neither. */
const ERROR_MARK = Buffer.from('rror"');

export class AnswerGuard {
  readonly #listRules: AllowedCall['listRules'];
  readonly #words: CompiledFilter | undefined;
  readonly #serverId: string;
  /** An event that must be judged is held back until it is complete, up to this size. */
  readonly #eventBytesMax: number;
  readonly #observed: (refusal: Refusal) => void;
  #events: EventStreamFilter | undefined;
  /** The answer is a JSON-RPC error, or a tool result with `isError`. */
  sawError = false;

  /** `observed` hears what a rule that only observes would have refused. */
  constructor(allowed: AllowedCall, observed: (refusal: Refusal) => void) {
    const { config, filter, limits } = allowed.access.server;
    this.#serverId = config.id;
    this.#eventBytesMax = limits.eventBytesMax;
    this.#listRules = allowed.listRules;
    this.#words = filter?.appliesToResponse === true ? filter : undefined;
    this.#observed = observed;
  }

  /** A whole JSON body; throws the refusal that takes its place. */
  judge(body: Buffer): Buffer {
    if (body.length === 0) return body;
    const visible = this.#listRules.length === 0 ? body : this.#withoutHidden(body);
    if (this.#words !== undefined || visible.includes(ERROR_MARK)) this.#read(visible);
    return visible;
  }

  /** A chunk of an event stream; answers what may be sent now. */
  push(chunk: Buffer): readonly Buffer[] {
    if (this.#listRules.length === 0 && this.#words === undefined) {
      // Nothing is held back. An error mark that two chunks share is not seen, and the record then says less; no rule depends on it.
      if (!this.sawError && chunk.includes(ERROR_MARK)) this.#noteErrorsIn(chunk);
      return [chunk];
    }
    this.#events ??= createEventStreamFilter((data) => this.judge(data), this.#eventBytesMax);
    return this.#events.push(chunk);
  }

  end(): readonly Buffer[] {
    return this.#events?.end() ?? [];
  }

  #withoutHidden(body: Buffer): Buffer {
    const visible = filterLists(body, this.#listRules);
    if (visible === undefined) throw unjudgeable('a list that cannot be judged');
    return visible;
  }

  /** The body as a value, for the words in it and the error that it may be. */
  #read(body: Buffer): void {
    const value = parse(body);
    this.sawError ||= isErrorAnswer(value);
    if (this.#words === undefined) return;
    if (scanJson(body, body.toString('latin1'), NO_KEYS, ANSWER_LIMITS).depth > ANSWER_LIMITS.depthMax)
      throw unjudgeable('an answer that is nested too deeply');
    const match = this.#words.findIn(value);
    if (match === undefined) return;
    const path = match.kind === 'keyword' ? 'semanticFilter.blockedKeywords' : 'semanticFilter.blockedPatterns';
    const rule = { kind: 'mcpServer', id: this.#serverId, path };
    const refusal = new Refusal('mcp_guardrail_block', 'semantic_filter', `the answer holds a blocked ${match.kind}`, { rule });
    if (this.#words.action !== 'OBSERVE') throw refusal;
    this.#observed(refusal);
  }

  #noteErrorsIn(chunk: Buffer): void {
    for (const event of new EventStreamSplitter().push(chunk)) {
      const data = dataOfEvent(event);
      if (data !== undefined && data.startsWith('{')) this.sawError ||= isErrorAnswer(tryParse(data));
    }
  }
}

function isErrorAnswer(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if ('error' in value && !('method' in value)) return true;
  return 'result' in value && typeof value.result === 'object' && value.result !== null && 'isError' in value.result && value.result.isError === true;
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw unjudgeable('an answer that is not JSON', cause);
  }
}

/** Only looks: a chunk may begin or end in the middle of an event, whose rest no rule asks for. */
function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unjudgeable(what: string, cause?: unknown): Refusal {
  return new Refusal('upstream_error', 'bad_answer', `the server sent ${what}`, {}, { cause });
}
