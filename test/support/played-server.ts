/** A transport whose server a test plays: what was sent lies there with its sink, until the test answers. */
import { JSON_HEAD, EVENTS_HEAD, toEvent } from '../../data-plane/transports/answer-forms.ts';
import type { AnswerHead, AnswerSink, Transport, UpstreamRequest } from '../../data-plane/transports/transport.ts';
import { eventually } from './processes.ts';

export interface SentRequest {
  readonly request: UpstreamRequest;
  readonly sink: AnswerSink;
  /** The body as it went up; empty without one. */
  readonly text: string;
  /** By name, in lower case. */
  header(name: string): string | undefined;
  isCancelled: boolean;
  /** Answers in JSON; the text is the body. */
  answer(text: string, head?: Partial<AnswerHead>): void;
  /** Answers with events, each of which carries one text, and ends the stream. */
  stream(...texts: string[]): void;
}

export interface PlayedServer extends Transport {
  readonly sent: SentRequest[];
  /** The request with this number, from 0, once it has been sent. */
  at(index: number): Promise<SentRequest>;
}

/** `answerTo` may answer at once; what it leaves alone waits for the test. */
export function playedServer(answerTo: (sent: SentRequest) => void = () => undefined): PlayedServer {
  const sent: SentRequest[] = [];
  return {
    sent,
    at: (index) => eventually(() => sent[index], `request ${index}`),
    send: (request, sink) => {
      const one = sentRequest(request, sink);
      sent.push(one);
      answerTo(one);
      return { resume: () => undefined, cancel: () => void (one.isCancelled = true) };
    },
    retire: () => undefined,
    close: () => Promise.resolve(),
  };
}

function sentRequest(request: UpstreamRequest, sink: AnswerSink): SentRequest {
  const { forwardedHeaders, call } = request;
  return {
    request,
    sink,
    text: call?.bytes.toString('utf8') ?? '',
    header: (name) => forwardedHeaders.find((_, at) => at % 2 === 1 && forwardedHeaders[at - 1] === name),
    isCancelled: false,
    answer: (text, head = {}) => sink.answer({ ...JSON_HEAD, ...head }, Buffer.from(text)),
    stream: (...texts) => {
      sink.open(EVENTS_HEAD);
      for (const text of texts) sink.write(toEvent(Buffer.from(text)));
      sink.end();
    },
  };
}
