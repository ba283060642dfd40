/** What a request is asked of by the rules against loops: which of its calls repeat, which tools have kept failing, and how many tools a key calls. */
import { hash } from 'node:crypto';
import { canonicalJson } from '../../shared/canonical-json.ts';
import type { LoopRule } from '../../shared/policy-rules.ts';
import { LOOP_ITEM_LENGTH, type LoopCheck } from '../counters/counters.ts';
import type { RpcRequest } from '../evidence.ts';
import type { RpcMessage } from '../mcp/rpc-call.ts';

/** A check together with the rule that asks for it, for denials. */
export interface PlannedLoop extends LoopCheck {
  readonly rule: LoopRule;
  /** What it is about; undefined for a fan-out, which is about all of them. */
  readonly tool: string | undefined;
}

/** A call of a tool in the request. */
interface ToolCall {
  readonly tool: string;
  readonly message: RpcMessage;
}

export class LoopPlanner {
  readonly #rules: readonly LoopRule[];
  readonly #apiKeyId: string;
  readonly #serverId: string;

  constructor(rules: readonly LoopRule[], apiKeyId: string, serverId: string) {
    this.#rules = rules;
    this.#apiKeyId = apiKeyId;
    this.#serverId = serverId;
  }

  /** Undefined for a request that calls no tool. */
  checksFor({ call, session }: RpcRequest): readonly PlannedLoop[] | undefined {
    const calls = call?.messages.flatMap((message): ToolCall[] => (message.tool === undefined ? [] : [{ tool: message.tool, message }])) ?? [];
    if (calls.length === 0) return undefined;
    return this.#rules.flatMap((rule) => {
      switch (rule.kind) {
        case 'repeated_calls':
          return this.#repeatedCalls(rule, calls, session?.label ?? '');
        case 'error_streak':
          return this.#streaks(rule, calls);
        case 'fan_out':
          return [this.#fanOut(rule, calls)];
      }
    });
  }

  /** Several agents may share a key; each has its own session, where there are sessions. */
  #repeatedCalls(rule: LoopRule, calls: readonly ToolCall[], session: string): PlannedLoop[] {
    const same = Map.groupBy(calls, ({ tool, message }) => digestOf([this.#serverId, session, tool, argumentsOf(message)]));
    return [...same].map(([digest, repeated]) => this.#check(rule, { part: digest, calls: repeated.length, tool: repeated[0]?.tool }));
  }

  #streaks(rule: LoopRule, calls: readonly ToolCall[]): PlannedLoop[] {
    const tools = new Set(calls.map(({ tool }) => tool));
    return [...tools].map((tool) => this.#check(rule, { part: digestOf([this.#serverId, tool]), calls: 1, tool }));
  }

  #fanOut(rule: LoopRule, calls: readonly ToolCall[]): PlannedLoop {
    const items = new Set(calls.map(({ tool }) => digestOf([this.#serverId, tool])));
    return { ...this.#check(rule, { part: undefined, calls: 1, tool: undefined }), items: [...items] };
  }

  #check(rule: LoopRule, { part, calls, tool }: { part: string | undefined; calls: number; tool: string | undefined }): PlannedLoop {
    const { kind, max, windowMillis, observe } = rule;
    const key = `${rule.key}:${this.#apiKeyId}${part === undefined ? '' : `:${part}`}`;
    return { rule, tool, key, kind, max, windowMillis, observe, calls, items: [] };
  }
}

function digestOf(parts: readonly string[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64url').slice(0, LOOP_ITEM_LENGTH);
}

/** The same arguments in another order or spelling are the same. */
function argumentsOf({ value }: RpcMessage): string {
  const given = paramOf(paramOf(value, 'params'), 'arguments');
  try {
    return canonicalJson(given ?? null);
  } catch (error) {
    // What has no canonical form is the same where it is spelled the same.
    if (error instanceof TypeError) return JSON.stringify(given);
    throw error;
  }
}

function paramOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)).get(name) : undefined;
}
