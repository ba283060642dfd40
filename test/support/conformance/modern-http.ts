/** Streamable HTTP of revision 2026-07-28: every request stands for itself, and is answered by JSON or by a stream of its own. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { inputRequired } from './asking-tools.ts';
import { announce, onAnnouncement } from './announcements.ts';
import { CAPABILITIES, LOG_LEVELS, META, MODERN_REVISION, SERVER_INFO } from './capabilities.ts';
import { EVENT_STREAM_HEADERS } from './event-stream.ts';
import { sendError, sendJson } from './http-answers.ts';
import { asProtocolError, errorMessage, recordIn, resultMessage, textIn, type JsonObject, type Message } from './messages.ts';
import { answerMethod, type CallPowers } from './methods.ts';
import { requireAgreement } from './modern-headers.ts';

const CACHED_METHODS: ReadonlySet<string> = new Set([
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
]);
const LIST_WISHES = { tools: 'toolsListChanged', prompts: 'promptsListChanged' } as const;

export async function postModern(request: IncomingMessage, response: ServerResponse, message: Message): Promise<void> {
  if (message.id === undefined) return void response.writeHead(202).end();
  const answer = new ModernAnswer(response, message.id);
  try {
    const meta = requireAgreement(request, message);
    if (message.method === 'subscriptions/listen') return listen(response, answer, message);
    const result = await resultOf(message, answer, meta);
    answer.end(resultMessage(message.id, complete(message.method ?? '', result)), 200);
  } catch (error) {
    const refusal = asProtocolError(error);
    if (response.headersSent) answer.end(errorMessage(message.id, refusal), refusal.status);
    else sendError(response, refusal, message.id);
  }
}

/** Is a JSON body as long as there is nothing but the result to say. */
class ModernAnswer {
  readonly #response: ServerResponse;
  readonly requestId: Message['id'];

  constructor(response: ServerResponse, requestId: Message['id']) {
    this.#response = response;
    this.requestId = requestId;
  }

  notify(method: string, params: JsonObject): void {
    if (!this.#response.headersSent) this.#response.writeHead(200, EVENT_STREAM_HEADERS);
    this.#write({ jsonrpc: '2.0', method, params });
  }

  end(message: JsonObject, status: number): void {
    if (!this.#response.headersSent) return sendJson(this.#response, status, message);
    this.#write(message);
    this.#response.end();
  }

  #write(message: JsonObject): void {
    this.#response.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
  }
}

async function resultOf(message: Message, answer: ModernAnswer, meta: JsonObject): Promise<JsonObject> {
  const { method = '', params = {} } = message;
  if (method === 'server/discover') return { supportedVersions: [MODERN_REVISION], capabilities: CAPABILITIES };
  try {
    return await answerMethod(method, params, powersOf(answer, meta, message));
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

function powersOf(answer: ModernAnswer, meta: JsonObject, message: Message): CallPowers {
  const { progressToken } = meta;
  const least = textIn(meta, META.logLevel);
  return {
    era: 'modern',
    capabilities: recordIn(meta, META.clientCapabilities) ?? {},
    log: (level, data) => {
      const isWanted = least !== undefined && LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least);
      if (isWanted) answer.notify('notifications/message', { level, logger: 'fixture', data });
    },
    progress: (progress, total) => {
      if (progressToken !== undefined) answer.notify('notifications/progress', { progressToken, progress, total });
    },
    ask: (method, params) => answerIn(message, method, params),
    leaveStream: () => undefined,
    announce,
  };
}

/** Says what is listened to, and goes on until the client leaves. */
function listen(response: ServerResponse, answer: ModernAnswer, { params }: Message): void {
  const wishes = recordIn(params, 'notifications') ?? {};
  const tag = { _meta: { [META.subscriptionId]: answer.requestId } };
  const granted = Object.fromEntries(Object.entries(wishes).filter(([, wish]) => wish === true || Array.isArray(wish)));
  answer.notify('notifications/subscriptions/acknowledged', { ...tag, notifications: granted });
  const stop = onAnnouncement((list) => {
    if (granted[LIST_WISHES[list]] === true) answer.notify(`notifications/${list}/list_changed`, tag);
  });
  response.on('close', stop);
}
