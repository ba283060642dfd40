/** What the parser of record found in a body: the messages to judge, and the bytes that go upstream as they came. */

export interface RpcMessage {
  readonly kind: 'request' | 'notification' | 'response';
  /** Undefined for a response. */
  readonly method: string | undefined;
  /** The id as it stands in the bytes (`"a"`, `7`, `null`), so that it is echoed without loss; undefined for a notification. */
  readonly idToken: string | undefined;
  /** Where the id's token stands in `RpcCall.bytes`: from `idStart` up to, not including, `idEnd`; -1 without an id. */
  readonly idStart: number;
  readonly idEnd: number;
  /** `params.name` of `tools/call`. */
  readonly tool: string | undefined;
  /** Where the token of `params._meta.progressToken` stands; -1 without one. */
  readonly progressTokenStart: number;
  readonly progressTokenEnd: number;
  /** The parsed message, for rules that look inside. Never serialised again. */
  readonly value: Readonly<Record<string, unknown>>;
}

export interface RpcCall {
  readonly bytes: Buffer;
  readonly isBatch: boolean;
  /** One, or for a batch one or more. */
  readonly messages: readonly [RpcMessage, ...RpcMessage[]];
}

/** How many of its messages are meant. */
export function countMessages({ messages }: RpcCall, isMeant: (message: RpcMessage) => boolean): number {
  let count = 0;
  for (const message of messages) if (isMeant(message)) count++;
  return count;
}

/** The one request that a call is; undefined for a batch, and for what nobody answers. */
export function soleRequestOf(call: RpcCall | undefined): RpcMessage | undefined {
  if (call === undefined || call.isBatch) return undefined;
  return call.messages[0].kind === 'request' ? call.messages[0] : undefined;
}
