/** Gives each session of a key a child process of its own, and the callers of a key who have no session one more between them. */
import { Refusal } from '../../shared/refusal.ts';
import type { RpcCall } from '../mcp/rpc-call.ts';
import { ENDED_HEAD, NO_BODY } from './answer-forms.ts';
import { StdioAudience } from './stdio-audience.ts';
import type { StdioChild } from './stdio-child.ts';
import type { StdioFleet } from './stdio-fleet.ts';
import { accept, answerAtOnce, cancelCall, onlyMessageOf, sendOnLoan, type StdioDispatch } from './stdio-lending.ts';
import { toLine } from './message-splice.ts';
import type { AnswerSink, UpstreamFlight, UpstreamRequest } from './transport.ts';

interface StdioSession {
  readonly child: StdioChild;
  readonly audience: StdioAudience;
}

export class StdioSessions implements StdioDispatch {
  readonly #fleet: StdioFleet;
  readonly #sessions = new Map<string, StdioSession>();
  /** By key. */
  readonly #ambient = new Map<string, StdioChild>();

  constructor(fleet: StdioFleet) {
    this.#fleet = fleet;
  }

  send(request: UpstreamRequest, sink: AnswerSink): UpstreamFlight {
    const { call, upstreamSessionId } = request;
    if (call !== undefined && opensSession(call) && !this.#fleet.greeting.isModern) return this.#open(request, call, sink);
    if (upstreamSessionId === undefined) return this.#sendWithoutSession(request, sink);
    const session = this.#sessionOf(request.apiKeyId, upstreamSessionId);
    if (call !== undefined) return this.#sendTo(session, request, call, sink);
    return request.httpMethod === 'GET' ? session.audience.listen(sink, () => session.child.noteUse()) : this.#end(session, sink);
  }

  /** The child hears who its client is and what it can do, from the client itself. */
  #open(request: UpstreamRequest, call: RpcCall, sink: AnswerSink): UpstreamFlight {
    const { apiKeyId } = request;
    const { limits, noise } = this.#fleet.parts;
    const audience = new StdioAudience({ apiKeyId, limits, noise });
    const child = this.#start(apiKeyId, { audience, onGone: () => void this.#sessions.delete(audience.sessionId) });
    this.#sessions.set(audience.sessionId, { child, audience });
    return child.call(request, onlyMessageOf(call), call.bytes, sink);
  }

  #sendWithoutSession(request: UpstreamRequest, sink: AnswerSink): UpstreamFlight {
    const own = this.#ambient.get(request.apiKeyId);
    return sendOnLoan(request, sink, { childFor: () => this.#ambientChild(request.apiKeyId, own), children: own === undefined ? [] : [own] });
  }

  #ambientChild(apiKeyId: string, known: StdioChild | undefined): StdioChild {
    if (known?.takesCalls === true) return this.#requireTime(known);
    const onGone = (child: StdioChild): void => {
      if (this.#ambient.get(apiKeyId) === child) this.#ambient.delete(apiKeyId);
    };
    const started = this.#start(apiKeyId, { onGone });
    this.#ambient.set(apiKeyId, started);
    return started;
  }

  #sendTo({ child, audience }: StdioSession, request: UpstreamRequest, call: RpcCall, sink: AnswerSink): UpstreamFlight {
    const message = onlyMessageOf(call);
    if (message.kind === 'request') return this.#requireTime(child).call(request, message, call.bytes, sink);
    if (message.method === 'notifications/cancelled') cancelCall([child], request, call);
    // An answer that nobody asked for is accepted and goes no further.
    else if (message.kind === 'notification' || audience.closeQuestion(message.idToken ?? 'null')) this.#say(child, call);
    return accept(sink);
  }

  #say(child: StdioChild, call: RpcCall): void {
    if (child.say(toLine(Buffer.from(call.bytes)))) return;
    throw new Refusal('stdio_error', 'stdio_overloaded', `server ${this.#fleet.parts.slug} reads more slowly than it is written to`);
  }

  #end({ child }: StdioSession, sink: AnswerSink): UpstreamFlight {
    this.#fleet.stop(child, new Refusal('client_closed_request', 'client_gone', 'the caller ended this session'));
    return answerAtOnce(sink, ENDED_HEAD, NO_BODY);
  }

  #sessionOf(apiKeyId: string, sessionId: string): StdioSession {
    const session = this.#sessions.get(sessionId);
    if (session !== undefined && session.audience.apiKeyId === apiKeyId && session.child.takesCalls) return session;
    throw new Refusal('mcp_not_found', 'unknown_session', 'the process of this session is gone; start over with initialize');
  }

  #start(apiKeyId: string, order: { audience?: StdioAudience; onGone: (child: StdioChild) => void }): StdioChild {
    const { processesMax } = this.#fleet.serverLimits;
    if (this.#fleet.size < processesMax || this.#fleet.stopLongestIdle(apiKeyId)) return this.#fleet.start({ apiKeyId, ...order });
    throw new Refusal('stdio_error', 'stdio_overloaded', `server ${this.#fleet.parts.slug} has as many sessions as it may`, { limit: processesMax });
  }

  #requireTime(child: StdioChild): StdioChild {
    const { inFlightMax } = this.#fleet.serverLimits;
    if (child.inFlight < inFlightMax) return child;
    throw new Refusal('stdio_error', 'stdio_overloaded', `server ${this.#fleet.parts.slug} works on as many calls as it may`, { limit: inFlightMax });
  }
}

function opensSession(call: RpcCall): boolean {
  const [message] = call.messages;
  return message.kind === 'request' && message.method === 'initialize';
}
