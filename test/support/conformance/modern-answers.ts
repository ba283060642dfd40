/** What a server of revision 2026-07-28 answers, whatever carries it: every request stands for itself. */
import { inputRequired } from './asking-tools.ts';
import { announce, onAnnouncement } from './announcements.ts';
import { CAPABILITIES, LOG_LEVELS, META, MODERN_REVISION, SERVER_INFO } from './capabilities.ts';
import { asProtocolError, errorMessage, recordIn, resultMessage, textIn, type JsonObject, type Message } from './messages.ts';
import { answerMethod, type CallPowers } from './methods.ts';

/** Where the answer to one request goes. */
export interface ModernOutlet {
  notify(method: string, params: JsonObject): void;
  /** Nothing may follow; the status matters to HTTP alone. */
  end(message: JsonObject, status: number): void;
  /** Calls back once, when the client waits no longer. */
  onLeave(stop: () => void): void;
}

const CACHED_METHODS: ReadonlySet<string> = new Set([
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
]);
const LIST_WISHES = { tools: 'toolsListChanged', prompts: 'promptsListChanged' } as const;

/** Answers a request; `readMeta` throws what the client must be told of its metadata. */
export async function answerModern(message: Message, outlet: ModernOutlet, readMeta: () => JsonObject): Promise<void> {
  const id = message.id ?? null;
  try {
    const meta = readMeta();
    if (message.method === 'subscriptions/listen') return listen(outlet, message);
    const result = await resultOf(message, outlet, meta);
    outlet.end(resultMessage(id, complete(message.method ?? '', result)), 200);
  } catch (error) {
    const refusal = asProtocolError(error);
    outlet.end(errorMessage(id, refusal), refusal.status);
  }
}

async function resultOf(message: Message, outlet: ModernOutlet, meta: JsonObject): Promise<JsonObject> {
  const { method = '', params = {} } = message;
  if (method === 'server/discover') return { supportedVersions: [MODERN_REVISION], capabilities: CAPABILITIES };
  try {
    return await answerMethod(method, params, powersOf(outlet, meta, message));
  } catch (error) {
    if (error instanceof InputRequired) return inputRequired({ [QUESTION]: error.question });
    throw error;
  }
}

/** What a tool of both eras asks ends its call here; the client calls again with the answer. */
class InputRequired extends Error {
  readonly question: JsonObject;

  constructor(question: JsonObject) {
    super('the client has not been asked yet');
    this.question = question;
  }
}

const QUESTION = 'question';

async function answerIn({ params = {} }: Message, method: string, about: JsonObject): Promise<JsonObject> {
  const answer = recordIn(recordIn(params, 'inputResponses'), QUESTION);
  if (answer === undefined) throw new InputRequired({ method, params: about });
  return answer;
}

function complete(method: string, result: JsonObject): JsonObject {
  const caching = CACHED_METHODS.has(method) && result['resultType'] === undefined ? { ttlMs: 60_000, cacheScope: 'public' } : {};
  return { resultType: 'complete', ...caching, ...result, _meta: { ...recordIn(result, '_meta'), [META.serverInfo]: SERVER_INFO } };
}

function powersOf(outlet: ModernOutlet, meta: JsonObject, message: Message): CallPowers {
  const { progressToken } = meta;
  const least = textIn(meta, META.logLevel);
  return {
    era: 'modern',
    capabilities: recordIn(meta, META.clientCapabilities) ?? {},
    log: (level, data) => {
      const isWanted = least !== undefined && LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least);
      if (isWanted) outlet.notify('notifications/message', { level, logger: 'fixture', data });
    },
    progress: (progress, total) => {
      if (progressToken !== undefined) outlet.notify('notifications/progress', { progressToken, progress, total });
    },
    ask: (method, params) => answerIn(message, method, params),
    leaveStream: () => undefined,
    announce,
  };
}

/** Says what is listened to, and goes on until the client leaves. */
function listen(outlet: ModernOutlet, { id, params }: Message): void {
  const wishes = recordIn(params, 'notifications') ?? {};
  const tag = { _meta: { [META.subscriptionId]: id } };
  const granted = Object.fromEntries(Object.entries(wishes).filter(([, wish]) => wish === true || Array.isArray(wish)));
  outlet.notify('notifications/subscriptions/acknowledged', { ...tag, notifications: granted });
  const stop = onAnnouncement((list) => {
    if (granted[LIST_WISHES[list]] === true) outlet.notify(`notifications/${list}/list_changed`, tag);
  });
  outlet.onLeave(stop);
}
