/** What is known of a request so far: the flow notes each piece of evidence here, and denials and records are told from it. */
import type { ApiKey } from '../shared/api-key.ts';
import { writeObservation } from '../shared/observation.ts';
import type { Refusal } from '../shared/refusal.ts';
import type { GovernedServer } from './config/governed-server.ts';
import type { GovernancePlan } from './policies/governance-plan.ts';
import { DlpRecord } from './dlp-record.ts';
import type { RpcRequest } from './evidence.ts';
import type { ClientVerdict } from './policies/client-check.ts';

export class Trail {
  /** The key's prefix as the caller presented it, also when no such key exists. */
  keyPrefix: string | undefined;
  key: ApiKey | undefined;
  server: GovernedServer | undefined;
  plan: GovernancePlan | undefined;
  rpc: RpcRequest | undefined;
  /** Which agent calls; undefined where nobody asks. */
  client: ClientVerdict | undefined;
  /** The one tool of the call that decided: of a batch, the tool that was refused. */
  tool: string | undefined;
  inputBytes = 0;
  /** Of the caller's W3C trace context. */
  traceId: string | undefined;
  /** What rules that only observe would have done, as `shared/observation.ts` writes it. */
  readonly observed: string[] = [];
  /** What the rules of content did. */
  readonly dlp = new DlpRecord();
  #step: { readonly name: string } | undefined;

  /** Notes what a rule that only observes would have refused; once, however often it would have. */
  observe(refusal: Refusal): void {
    const observation = writeObservation(refusal);
    if (!this.observed.includes(observation)) this.observed.push(observation);
  }

  /** Notes which step runs now, so that a refusal can be traced to it, and answers that step. */
  at<Step extends { readonly name: string }>(step: Step): Step {
    this.#step = step;
    return step;
  }

  /** Name of the step that ran last: the one that refused, when one did. */
  get step(): string {
    return this.#step?.name ?? '';
  }

  get method(): string | undefined {
    return this.rpc?.message?.method;
  }
}
