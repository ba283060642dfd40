/** One caller who listens: hears of what it asked for, each message tagged with the id of its own request. */
import { z } from 'zod';
import { EVENTS_HEAD, toEvent } from '../../transports/answer-forms.ts';
import { applyEdits, setMembers } from '../../transports/json-edits.ts';
import { findMember, findTopLevelValue } from '../../transports/json-members.ts';
import { blankLineBreaks } from '../../transports/message-splice.ts';
import type { AnswerSink } from '../../transports/transport.ts';
import { SUBSCRIPTION_KEY } from './modern-meta.ts';

const OPEN_BRACE = 0x7b;
const RESOURCES_MAX = 256;
/** What may be listened to (MCP 2026-07-28, `subscriptions/listen`). */
export const wishesSchema = z.object({
  toolsListChanged: z.boolean().optional(),
  promptsListChanged: z.boolean().optional(),
  resourcesListChanged: z.boolean().optional(),
  resourceSubscriptions: z.array(z.string()).max(RESOURCES_MAX).optional(),
});
export type Wishes = z.infer<typeof wishesSchema>;

const LIST_WISHES: ReadonlyMap<string, 'toolsListChanged' | 'promptsListChanged' | 'resourcesListChanged'> = new Map([
  ['notifications/tools/list_changed', 'toolsListChanged'],
  ['notifications/prompts/list_changed', 'promptsListChanged'],
  ['notifications/resources/list_changed', 'resourcesListChanged'],
]);
const updateSchema = z.object({ params: z.object({ uri: z.string() }) });
/** Messages that wait for a slow reader; each is kept once, since the same change twice says no more. */
const WAITING_MAX = 256;

export class Listener {
  readonly granted: Wishes;
  readonly #idToken: string;
  /** JSON, as `_meta` has it. */
  readonly #tag: string;
  readonly #sink: AnswerSink;
  readonly #waiting = new Set<string>();
  #isPaused = false;

  constructor(idToken: string, granted: Wishes, sink: AnswerSink) {
    this.#idToken = idToken;
    this.granted = granted;
    this.#tag = `{${JSON.stringify(SUBSCRIPTION_KEY)}:${idToken}}`;
    this.#sink = sink;
  }

  acknowledge(): void {
    this.#sink.open(EVENTS_HEAD);
    const bytes = Buffer.from(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: { notifications: this.granted } }));
    this.#tell(this.#tagged(bytes));
  }

  hear(bytes: Buffer, method: string): void {
    if (this.#wants(bytes, method)) this.#tell(this.#tagged(bytes));
  }

  resume(): void {
    this.#isPaused = false;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const message of waiting) this.#tell(Buffer.from(message));
  }

  end(): void {
    const result = `{"resultType":"complete","_meta":${this.#tag}}`;
    this.#sink.write(toEvent(Buffer.from(`{"jsonrpc":"2.0","id":${this.#idToken},"result":${result}}`)));
    this.#sink.end();
  }

  /** A server may also tell of what lies below a resource that is watched (MCP 2025-11-25, Resources). */
  #wants(bytes: Buffer, method: string): boolean {
    if (method === 'notifications/resources/updated') {
      const reading = updateSchema.safeParse(JSON.parse(bytes.toString('utf8')));
      return reading.success && (this.granted.resourceSubscriptions ?? []).some((uri) => reading.data.params.uri.startsWith(uri));
    }
    const wish = LIST_WISHES.get(method);
    return wish !== undefined && this.granted[wish] === true;
  }

  /** Params and metadata that are no objects say nothing, and give way. */
  #tagged(bytes: Buffer): Buffer {
    const params = findTopLevelValue(bytes, 'params');
    if (params === undefined || bytes[params.start] !== OPEN_BRACE) {
      return applyEdits(bytes, setMembers(bytes, { start: 0, end: bytes.length }, { params: `{"_meta":${this.#tag}}` }));
    }
    const meta = findMember(bytes, params, '_meta');
    if (meta === undefined || bytes[meta.start] !== OPEN_BRACE) return applyEdits(bytes, setMembers(bytes, params, { _meta: this.#tag }));
    return applyEdits(bytes, setMembers(bytes, meta, { [SUBSCRIPTION_KEY]: this.#idToken }));
  }

  #tell(message: Buffer): void {
    if (!this.#isPaused) this.#isPaused = !this.#sink.write(toEvent(blankLineBreaks(message)));
    else if (this.#waiting.size < WAITING_MAX) this.#waiting.add(message.toString('utf8'));
  }
}
