/** Tells orchestrators whether this node lives, and whether it can decide and count. */
import type { ServerResponse } from 'node:http';
import type { Gateway } from './gateway.ts';
import { answerJson } from './answer-json.ts';

export function answerHealth(response: ServerResponse): void {
  answerJson(response, 200, { status: 'alive' });
}

/** Without counters the node still serves what needs none, but it should not be chosen while another one has them. */
export function answerReadiness(gateway: Gateway, response: ServerResponse): void {
  const snapshot = gateway.config.current();
  const isReady = snapshot !== undefined && gateway.counters.isAvailable && !gateway.drain.isDraining;
  answerJson(response, isReady ? 200 : 503, {
    status: isReady ? 'ready' : 'not ready',
    config: { version: snapshot?.version ?? null, ageMillis: snapshot === undefined ? null : gateway.clock.now() - gateway.config.receivedAtMillis },
    counters: { available: gateway.counters.isAvailable, backlog: gateway.counters.backlog },
    draining: gateway.drain.isDraining,
  });
}
