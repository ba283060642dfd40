/** Says what would become of a call: the access flow itself runs, on a gateway that moves nothing, and tells every step. */
import type { Explanation, SupposedCall } from '../../shared/explanation.ts';
import { costOf } from '../../shared/pricing.ts';
import { Refusal } from '../../shared/refusal.ts';
import { accessFlow } from '../access-flow.ts';
import { denialOf } from '../denials.ts';
import type { AllowedCall } from '../evidence.ts';
import { Exchange } from '../exchange.ts';
import type { Gateway } from '../gateway.ts';
import { SESSION_HEADER, type SessionIds } from '../mcp/session-ids.ts';
import type { proxyUpstream } from '../steps/proxy-upstream.ts';
import { explainedLimits } from './explained-limits.ts';
import { StepTrace } from './step-trace.ts';
import { stillGateway, type StillGateway } from './still-gateway.ts';
import { supposedRequest, unheardResponse } from './supposed-request.ts';

/** `ownAddress` is where the control plane asks from. */
export async function explainAccess(gateway: Gateway, supposed: SupposedCall, ownAddress: string): Promise<Explanation> {
  const still = stillGateway(gateway, supposed.atMillis ?? gateway.clock.now());
  try {
    const exchange = exchangeOf(still, supposed, supposed.clientIp ?? ownAddress);
    let tools: Explanation['tools'] = null;
    /** In place of step 14. */
    const notForwarded: typeof proxyUpstream = (_gateway, _exchange, allowed) => {
      tools = toolsShown(allowed);
      return Promise.resolve({ status: 200, outputBytes: 0, upstreamMillis: undefined, isToolError: false, failure: undefined });
    };
    const trace = new StepTrace(gateway.clock);
    const ending = await accessFlow(still, exchange, trace, notForwarded);
    const refusal = ending instanceof Refusal ? ending : undefined;
    if (refusal?.code === 'internal') gateway.log.error({ err: refusal.cause, step: trace.step }, 'a step failed while it was explained');
    return {
      node: gateway.nodeName,
      configVersion: gateway.config.state.snapshot.version,
      atMillis: exchange.timeMillis,
      refusal: refusal === undefined ? null : toldRefusal(refusal),
      steps: trace.steps(refusal),
      costNanosUsd: costNanosUsdOf(trace),
      tools,
      limits: limitsSeen(still, trace, exchange.timeMillis),
      response: refusal === undefined ? null : await toldResponse(refusal, exchange, trace),
    };
  } finally {
    still.close();
  }
}

function exchangeOf(gateway: StillGateway, supposed: SupposedCall, clientIp: string): Exchange {
  const { apiKeyId, organisationId } = supposed;
  const request = supposedRequest({ ...supposed, headers: headersOf(supposed, gateway.sessions) });
  const place = { identifier: supposed.server, tailPath: '' };
  const origin = { clientIp, localAddress: '', standsFor: { apiKeyId, organisationId } };
  return new Exchange(request, unheardResponse(request), place, gateway.clock, origin);
}

/** As an MCP client asks; who it is, a client with a session has said when it opened it. */
function headersOf({ apiKeyId, server, clientName, userAgent }: SupposedCall, sessions: SessionIds): Record<string, string> {
  const headers: Record<string, string> = { accept: 'application/json, text/event-stream' };
  if (userAgent !== null) headers['user-agent'] = userAgent;
  if (clientName !== null) headers[SESSION_HEADER] = sessions.mint({ apiKeyId, serverId: server }, '', { name: clientName, version: null }, null);
  return headers;
}

/** By the rules that cut a list on its way to the caller. */
function toolsShown({ access, rpc, listRules }: AllowedCall): Explanation['tools'] {
  if (rpc.message?.method !== 'tools/list') return null;
  const rules = listRules.filter(({ member }) => member === 'tools');
  return access.server.config.toolPins.map(({ name }) => ({ name, isVisible: !rules.some(({ hides }) => hides(name)) }));
}

function toldRefusal({ status, code, reason, message, facts }: Refusal): NonNullable<Explanation['refusal']> {
  return { status, code, reason, message, rule: facts.rule ?? null, retryAfterSeconds: facts.retryAfterSeconds ?? null };
}

function costNanosUsdOf({ server, rpc, inputBytes }: StepTrace): string | null {
  if (server === undefined || rpc?.message === undefined) return null;
  return String(costOf(server.priceOf(rpc.message.method, rpc.message.tool), inputBytes, 0));
}

/** The counters of this node alone are asked where the shared ones do not answer. */
function limitsSeen({ counters, localCounters }: StillGateway, { plan, rpc }: StepTrace, nowMillis: number): Explanation['limits'] {
  const seen = counters.seen ?? localCounters.seen;
  if (seen === undefined || plan === undefined) return [];
  return explainedLimits(seen, plan, { nowMillis, tools: rpc?.call?.messages.flatMap(({ tool }) => tool ?? []) ?? [] });
}

async function toldResponse(refusal: Refusal, exchange: Exchange, trace: StepTrace): Promise<NonNullable<Explanation['response']>> {
  const { status, headers, body } = await denialOf(refusal, exchange, trace);
  const pairs: [string, string][] = [];
  for (let index = 0; index < headers.length; index += 2) pairs.push([headers[index] ?? '', headers[index + 1] ?? '']);
  return { status, headers: pairs, body };
}
