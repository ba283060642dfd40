/** The one interface of all transports: a judged request goes in, an answer comes out through a sink. */
import type { Refusal } from '../../shared/refusal.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import type { RpcCall } from '../mcp/rpc-call.ts';

export interface UpstreamRequest {
  readonly requestId: string;
  readonly server: GovernedServer;
  readonly httpMethod: 'POST' | 'GET' | 'DELETE';
  /** The part of the path behind the slug, with its leading slash and already checked, or the empty string. */
  readonly tailPath: string;
  /** The judged body; undefined for GET and DELETE. */
  readonly call: RpcCall | undefined;
  /** The upstream's own session id, taken from the session that the caller presented. */
  readonly upstreamSessionId: string | undefined;
  /** How the client of that session introduced itself (`mcp/introduction.ts`); undefined without a session, or where that could not be kept. */
  readonly introduction: string | undefined;
  /** Identifies the caller's key and the credentials that it calls with, so that what is pooled for one never serves another. */
  readonly apiKeyId: string;
  /** Headers of the caller that may go upstream, as undici's flat list: name, value, name, value. */
  readonly forwardedHeaders: readonly string[];
  readonly acceptsEventStream: boolean;
  readonly acceptsJson: boolean;
  /** The most bytes an answer may have; larger ones end in a refusal. */
  readonly responseBytesMax: number;
}

/** Headers of an answer that may reach the caller. */
export interface AnswerHead {
  readonly status: number;
  readonly contentType: string | undefined;
  /** The session id that the upstream issued with this answer, to be mapped before it leaves. */
  readonly upstreamSessionId: string | undefined;
  /** Further allowed headers, flat. */
  readonly headers: readonly string[];
}

/** Where a transport puts the answer: exactly one of `answer`, `fail`, or `open` followed by `end` or `fail`. */
export interface AnswerSink {
  /** A complete answer. */
  answer(head: AnswerHead, body: Buffer): void;
  /** Begins an event stream. */
  open(head: AnswerHead): void;
  /** Writes bytes of the stream at once; false asks the transport to pause until `resume` is called. */
  write(chunk: Buffer): boolean;
  end(): void;
  /** The answer failed; after `open` it cuts the stream. */
  fail(refusal: Refusal): void;
}

/** A request under way. */
export interface UpstreamFlight {
  /** The sink has room again. */
  resume(): void;
  /** The caller is gone or the stream must end: stops the upstream's work as the transport can. The sink hears nothing more. */
  cancel(): void;
}

export interface Transport {
  /** Starts at once and never throws: every ending arrives at the sink. */
  send(request: UpstreamRequest, sink: AnswerSink): UpstreamFlight;
  /** A server's configuration changed or it is gone: what is pooled for its old form ends when it is idle. */
  retire(serverId: string): void;
  close(): Promise<void>;
}
