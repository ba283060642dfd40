/** Looks at an answer on its way to the caller: hides entries of lists, blocks or redacts words, notes errors; otherwise lets the bytes pass. */
import { Refusal } from '../../shared/refusal.ts';
import type { AllowedCall } from '../evidence.ts';
import { createEventStreamFilter, type EventStreamFilter } from '../mcp/event-stream-filter.ts';
import { dataOfEvent, EventStreamSplitter } from '../mcp/event-stream.ts';
import { NO_KEYS, scanJson } from '../mcp/json-scan.ts';
import { countMembers } from '../mcp/read-rpc-call.ts';
import type { Trail } from '../trail.ts';
import { judgeContent, type OwnedFilter } from './content-rules.ts';
import type { CompiledWebSearch } from './web-search.ts';
import { redactLinks } from './web-search-links.ts';
import { filterLists } from './list-filter.ts';

/** Answers may nest deeper than requests, since JSON schemas do; what is deeper cannot be searched for words. */
const ANSWER_LIMITS = { depthMax: 512, tokensMax: Number.POSITIVE_INFINITY } as const;
/** How the keys `error` and `isError` both end; an answer without it says of neither. */
const ERROR_MARK = Buffer.from('rror"');

export class AnswerGuard {
  readonly #listRules: AllowedCall['listRules'];
  readonly #filters: readonly OwnedFilter[];
  /** Set where results of a search may come. */
  readonly #webSearch: CompiledWebSearch | undefined;
  /** An event that must be judged is held back until it is complete, up to this size. */
  readonly #eventBytesMax: number;
  readonly #trail: Trail;
  #events: EventStreamFilter | undefined;
  /** The answer is a JSON-RPC error, or a tool result with `isError`. */
  sawError = false;

  /** The trail hears what the rules found. */
  constructor({ access, rpc, listRules }: AllowedCall, trail: Trail) {
    this.#eventBytesMax = access.server.limits.eventBytesMax;
    this.#listRules = listRules;
    this.#filters = access.plan.content.response;
    // Lists hold links too, as schemas do, which lead nowhere.
    this.#webSearch = rpc.call?.messages.every(({ tool }) => tool === undefined) === true ? undefined : access.server.webSearch;
    this.#trail = trail;
  }

  /** A whole JSON body; throws the refusal that takes its place. */
  judge(body: Buffer): Buffer {
    if (body.length === 0) return body;
    const visible = this.#listRules.length === 0 ? body : this.#withoutHidden(body);
    if (this.#judgesContent) return this.#judgeContent(visible);
    if (visible.includes(ERROR_MARK)) this.sawError ||= isErrorAnswer(parse(visible));
    return visible;
  }

  /** A chunk of an event stream; answers what may be sent now, and throws when it comes to what may not. */
  push(chunk: Buffer): Iterable<Buffer> {
    if (this.#listRules.length === 0 && !this.#judgesContent) {
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

  get #judgesContent(): boolean {
    return this.#filters.length > 0 || this.#webSearch !== undefined;
  }

  #judgeContent(bytes: Buffer): Buffer {
    const value = parse(bytes);
    this.sawError ||= isErrorAnswer(value);
    const { depth, members } = scanJson(bytes, bytes.toString('latin1'), NO_KEYS, ANSWER_LIMITS);
    if (depth > ANSWER_LIMITS.depthMax) throw unjudgeable('an answer that is nested too deeply');
    // Of two readings one would be judged, and the other read.
    if (members !== countMembers(value)) throw unjudgeable('an answer that holds the same key twice');
    const said = judgeContent(this.#filters, { bytes, value, direction: 'RESPONSE' }, this.#trail);
    return this.#webSearch === undefined ? said : redactLinks(said, this.#webSearch, this.#trail);
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
