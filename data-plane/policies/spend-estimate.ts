/** What a call is expected to use before it is made, and what it used once it is over, metric by metric. */
import type { LimitMetric } from '../../shared/limit.ts';
import { costOf, type Price } from '../../shared/pricing.ts';
import type { RpcRequest } from '../evidence.ts';
import { countMessages, type RpcMessage } from '../mcp/rpc-call.ts';

/** Amounts of one call by metric; nano-USD fit a double up to the ceiling that limits have. */
export type Amounts = Readonly<Record<LimitMetric, number>> & { readonly costNanosUsd: bigint };

/** What is held for an answer of up to so many bytes. Metrics that are known only afterwards hold one unit, so that an exhausted limit refuses. */
export function estimateOf(rpc: RpcRequest, price: Price, inputBytes: number, outputBytes: number): Amounts {
  const costNanosUsd = costOf(price, inputBytes, outputBytes);
  return {
    costNanosUsd,
    NANO_USD: Number(costNanosUsd),
    REQUESTS: requestsOf(rpc),
    TOOL_CALLS: toolCallsOf(rpc),
    ERRORS: 1,
    INPUT_BYTES: inputBytes,
    OUTPUT_BYTES: outputBytes,
    LATENCY_MS: 1,
  };
}

/** The settlement. A call that never reached the upstream used nothing but its place among the requests. */
export function amountsOf(
  rpc: RpcRequest,
  used: { readonly costNanosUsd: bigint; readonly inputBytes: number; readonly outputBytes: number; readonly isError: boolean; readonly latencyMillis: number },
): Amounts {
  return {
    costNanosUsd: used.costNanosUsd,
    NANO_USD: Number(used.costNanosUsd),
    REQUESTS: requestsOf(rpc),
    TOOL_CALLS: toolCallsOf(rpc),
    ERRORS: used.isError ? 1 : 0,
    INPUT_BYTES: used.inputBytes,
    OUTPUT_BYTES: used.outputBytes,
    LATENCY_MS: Math.round(used.latencyMillis),
  };
}

function requestsOf(rpc: RpcRequest): number {
  return rpc.call === undefined ? 1 : countMessages(rpc.call, isRequest);
}

function toolCallsOf(rpc: RpcRequest): number {
  return rpc.call === undefined ? 0 : countMessages(rpc.call, callsTool);
}

function isRequest({ kind }: RpcMessage): boolean {
  return kind === 'request';
}

function callsTool({ tool }: RpcMessage): boolean {
  return tool !== undefined;
}
