/** A transport around another one: what a server refuses for its token is sent once more with a new one, since nothing of it has been done. */
import type { Refusal } from '../../shared/refusal.ts';
import type { AnswerSink, Transport, UpstreamFlight, UpstreamRequest } from '../transports/transport.ts';
import type { Credentials } from './credentials.ts';

export function renewCredentials(inner: Transport, credentials: Pick<Credentials, 'isRenewable' | 'nameOf' | 'renew'>): Transport {
  return {
    send: (request, sink) => {
      if (request.server.holder === undefined || !credentials.isRenewable(request.server)) return inner.send(request, sink);
      return new RenewingFlight(inner, credentials, request, sink);
    },
    retire: (serverId) => inner.retire(serverId),
    close: () => inner.close(),
  };
}

class RenewingFlight implements UpstreamFlight {
  readonly #inner: Transport;
  readonly #sink: AnswerSink;
  #flight: UpstreamFlight | undefined;
  #isCancelled = false;
  #hasBegun = false;

  constructor(inner: Transport, credentials: Pick<Credentials, 'nameOf' | 'renew'>, request: UpstreamRequest, sink: AnswerSink) {
    this.#inner = inner;
    this.#sink = sink;
    const name = credentials.nameOf(request.server);
    const renewed = (refusal: Refusal): void => {
      credentials.renew(request.server, name).then(
        (isRenewed) => (isRenewed ? this.#send(request, (last) => sink.fail(last)) : this.#fail(refusal)),
        () => this.#fail(refusal),
      );
    };
    this.#send(request, (refusal) => (this.#isWorthAnother(refusal) ? renewed(refusal) : sink.fail(refusal)));
  }

  resume(): void {
    this.#flight?.resume();
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#flight?.cancel();
  }

  #send(request: UpstreamRequest, onFail: (refusal: Refusal) => void): void {
    if (this.#isCancelled) return;
    const sink = this.#sink;
    this.#flight = this.#inner.send(request, {
      answer: (head, body) => sink.answer(head, body),
      open: (head) => {
        this.#hasBegun = true;
        sink.open(head);
      },
      write: (chunk) => sink.write(chunk),
      end: () => sink.end(),
      fail: onFail,
    });
  }

  #isWorthAnother({ reason, facts }: Refusal): boolean {
    return !this.#hasBegun && reason === 'rejected_credentials' && facts.upstreamStatus === 401;
  }

  #fail(refusal: Refusal): void {
    if (!this.#isCancelled) this.#sink.fail(refusal);
  }
}
