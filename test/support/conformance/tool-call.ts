/** What a tool of the fixture may know and do while it is called, in either era of the protocol. */
import { CODES, ProtocolError, recordIn, type JsonObject } from './messages.ts';

export interface ToolCall {
  readonly era: 'legacy' | 'modern';
  readonly args: JsonObject;
  /** What the client has said that it can do: in its handshake, or with the request. */
  readonly capabilities: JsonObject;
  /** The client's answers to what an earlier round of the same call asked for (2026-07-28). */
  readonly inputs: JsonObject | undefined;
  readonly requestState: string | undefined;
  log(level: string, data: string): void;
  progress(progress: number, total: number): void;
  /** Asks the client on the call's own stream (up to 2025-11-25). */
  ask(method: string, params: JsonObject): Promise<JsonObject>;
  /** Ends the stream, not the call: the client must come back for the answer (2025-11-25). */
  leaveStream(): void;
  /** Tells every listener that a list has changed. */
  announce(list: 'tools' | 'prompts'): void;
}

export interface Tool {
  readonly inputSchema: JsonObject;
  readonly run: (call: ToolCall) => JsonObject | Promise<JsonObject>;
}

export const NO_ARGUMENTS: JsonObject = { type: 'object', properties: {} };

export function objectSchema(properties: JsonObject, required: readonly string[] = []): JsonObject {
  return { type: 'object', properties, ...(required.length === 0 ? {} : { required }) };
}

export function requireCapability(call: ToolCall, capability: string): void {
  if (recordIn(call.capabilities, capability) !== undefined) return;
  throw new ProtocolError(CODES.missingCapability, `the client lacks the capability ${capability}`, {
    status: 400,
    data: { requiredCapabilities: { [capability]: {} } },
  });
}
