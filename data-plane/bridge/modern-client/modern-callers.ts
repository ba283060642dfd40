/** Serves callers of revision 2026-07-28 whose server knows only revisions with sessions. */
import { z } from 'zod';
import { asRefusal, Refusal } from '../../../shared/refusal.ts';
import { MODERN_REVISION } from '../../mcp/protocol-revisions.ts';
import { paramOf } from '../../mcp/revision-claims.ts';
import type { RpcCall, RpcMessage } from '../../mcp/rpc-call.ts';
import { ACCEPTED_HEAD, NO_BODY } from '../../transports/answer-forms.ts';
import type { AnswerSink, UpstreamFlight, UpstreamRequest } from '../../transports/transport.ts';
import type { BridgeSession } from './bridge-session.ts';
import type { BridgeSessions } from './bridge-sessions.ts';
import { BridgedCall } from './bridged-call.ts';
import { CallerLine } from './caller-line.ts';
import { ROUND_METHODS } from './call-questions.ts';
import { LateFlight } from '../../transports/late-flight.ts';
import { idTokenOf } from './legacy-request.ts';
import { wishesSchema } from './listener.ts';
import { errorMessage, resultMessage, RPC_CODES } from './modern-answer.ts';
import { readModernMeta, type ModernMeta } from './modern-meta.ts';
import type { ParkedRounds } from './parked-rounds.ts';

/** What a server with sessions would answer and one of this revision must not, and what of tasks has another form here. */
const WITHOUT_COUNTERPART = /^(?:initialize|ping|logging\/setLevel|resources\/(?:un)?subscribe|tasks\/.*)$/;
const listenSchema = z.object({ notifications: wishesSchema });

/** A request on its way to be served. */
interface Errand {
  readonly request: UpstreamRequest;
  readonly call: RpcCall;
  readonly message: RpcMessage;
  readonly meta: ModernMeta;
  readonly sink: AnswerSink;
  readonly flight: LateFlight;
}

export class ModernCallers {
  readonly #sessions: BridgeSessions;
  readonly #rounds: ParkedRounds<BridgedCall>;

  constructor(sessions: BridgeSessions, rounds: ParkedRounds<BridgedCall>) {
    this.#sessions = sessions;
    this.#rounds = rounds;
  }

  /** Whether a call of ours waits for the answers that this one brings, whatever has been learned of the server meanwhile. */
  isAwaited({ messages: [message] }: RpcCall): boolean {
    return this.#rounds.has(paramOf(message, 'requestState'));
  }

  /** `call` is the request's own. */
  send(request: UpstreamRequest, call: RpcCall, sink: AnswerSink): UpstreamFlight {
    const flight = new LateFlight();
    const [message] = call.messages;
    const meta = readModernMeta(message);
    // Over HTTP, clients of this revision have nothing to say but requests.
    if (message.kind !== 'request') sink.answer(ACCEPTED_HEAD, NO_BODY);
    else if (meta === undefined)
      refuse(request, call, sink, { status: 400, code: RPC_CODES.invalidParams, detail: 'params._meta is not what the revision wants' });
    else if (WITHOUT_COUNTERPART.test(message.method ?? '')) {
      refuse(request, call, sink, { status: 404, code: RPC_CODES.methodNotFound, detail: `revision ${MODERN_REVISION} has no method '${message.method}'` });
    } else {
      this.#serve({ request, call, message, meta, sink, flight }).catch((error: unknown) => {
        if (!flight.isCancelled) sink.fail(asRefusal(error));
      });
    }
    return flight;
  }

  async #serve(errand: Errand): Promise<void> {
    const { request, call, message, meta, sink, flight } = errand;
    const state = paramOf(message, 'requestState');
    if (state !== undefined && ROUND_METHODS.has(message.method ?? '')) {
      const parked = this.#rounds.take(state, request, message);
      parked.comeBack(new CallerLine(request, sink), call);
      return flight.follow(parked);
    }
    const session = await this.#sessions.find(request, meta);
    if (flight.isCancelled) return;
    switch (message.method) {
      case 'server/discover':
        return discover(session, errand);
      case 'subscriptions/listen':
        return this.#listen(session, errand);
      default:
        return this.#call(session, errand, () => void this.#callAnew(session, errand));
    }
  }

  #call(session: BridgeSession, { request, call, meta, sink, flight }: Errand, onForgotten: (() => void) | undefined): Promise<void> {
    const bridged = new BridgedCall({ session, rounds: this.#rounds, request, call, logLevel: meta.logLevel, onForgotten }, new CallerLine(request, sink));
    flight.follow(bridged);
    return bridged.start();
  }

  async #listen(session: BridgeSession, errand: Errand): Promise<void> {
    const { request, call, message, meta, sink, flight } = errand;
    const reading = listenSchema.safeParse(message.value['params']);
    if (!reading.success) {
      return refuse(request, call, sink, { status: 400, code: RPC_CODES.invalidParams, detail: 'params.notifications does not say what to listen to' });
    }
    const wishes = reading.data.notifications;
    try {
      flight.follow(await session.listeners.add(idTokenOf(call), wishes, sink));
    } catch (error) {
      if (!(error instanceof Refusal) || error.reason !== 'unknown_session') throw error;
      session.lose();
      const { listeners } = await this.#sessions.find(request, meta);
      flight.follow(await listeners.add(idTokenOf(call), wishes, sink));
    }
  }

  /** The server has forgotten the session, as after a restart: the next one is told if it happens again. */
  async #callAnew(forgotten: BridgeSession, errand: Errand): Promise<void> {
    forgotten.lose();
    try {
      const session = await this.#sessions.find(errand.request, errand.meta);
      if (!errand.flight.isCancelled) await this.#call(session, errand, undefined);
    } catch (error) {
      if (!errand.flight.isCancelled) errand.sink.fail(asRefusal(error));
    }
  }
}

/** Answers from what the server has said of itself in its handshake. */
function discover({ link, serverInfo }: BridgeSession, { request, call, sink }: Errand): void {
  const { capabilities, instructions } = link.greeting;
  const { tools, prompts, resources, completions, logging, experimental } = capabilities;
  const said = {
    resultType: 'complete',
    supportedVersions: [MODERN_REVISION],
    capabilities: { tools, prompts, resources, completions, logging, experimental },
    ...(instructions === undefined ? {} : { instructions }),
  };
  const terms = { idToken: idTokenOf(call), method: 'server/discover', serverInfo };
  new CallerLine(request, sink).answer({ status: 200, message: resultMessage(terms, JSON.stringify(said).slice(1, -1)) });
}

interface ProtocolError {
  readonly status: number;
  readonly code: number;
  readonly detail: string;
}

function refuse(request: UpstreamRequest, call: RpcCall, sink: AnswerSink, { status, code, detail }: ProtocolError): void {
  new CallerLine(request, sink).answer({ status, message: errorMessage(idTokenOf(call), code, detail) });
}
