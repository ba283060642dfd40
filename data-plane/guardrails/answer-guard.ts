/** Looks at an answer on its way to the caller: hides tools from lists, blocks words, notes errors; otherwise lets the bytes pass. */
import { Refusal } from '../../shared/refusal.ts';
import type { AllowedCall } from '../evidence.ts';
import { EventStreamSplitter } from './event-stream-splitter.ts';
import type { CompiledFilter } from './semantic-filter.ts';
import { filterToolList } from './tool-list.ts';
import { createToolListStreamFilter, type ToolListStreamFilter } from './tool-list-stream.ts';

/** An event that must be judged is held back until it is complete, up to this size. */
const EVENT_BYTES_MAX = 8 * 1024 * 1024;
const ERROR_MARKS = [Buffer.from('"isError"'), Buffer.from('"error"')] as const;

export class AnswerGuard {
  readonly #hides: AllowedCall['hides'];
  readonly #words: CompiledFilter | undefined;
  readonly #serverId: string;
  readonly #lists: ToolListStreamFilter | undefined;
  readonly #events: EventStreamSplitter | undefined;
  /** The answer is a JSON-RPC error, or a result with `isError`. */
  sawError = false;

  constructor(allowed: AllowedCall) {
    const { config, filter } = allowed.access.server;
    this.#serverId = config.id;
    const asksForTools = allowed.rpc.call === undefined || allowed.rpc.call.messages.some(({ method }) => method === 'tools/list');
    this.#hides = asksForTools ? allowed.hides : undefined;
    this.#words = filter?.appliesToResponse === true && filter.action === 'BLOCK' ? filter : undefined;
    this.#lists = undefined;
    this.#events = undefined;
  }
}
