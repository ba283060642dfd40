/** The next version of the agents, while it is being made: by their ids, and by organisation for those who ask about clients. */
import { prepareAgent } from '../../shared/agent-recogniser.ts';
import type { Agent } from '../../shared/agent.ts';
import { BucketMapDraft } from './bucket-map.ts';
import type { ConfigState } from './config-state.ts';
import { NestedMapDraft } from './nested-map-draft.ts';

export class AgentsDraft {
  readonly #configs: BucketMapDraft<Agent>;
  readonly #byOrganisation: NestedMapDraft<Agent>;

  constructor({ entities, snapshot }: ConfigState) {
    this.#configs = new BucketMapDraft(entities.agent);
    this.#byOrganisation = new NestedMapDraft(snapshot.agents);
  }

  put(agent: Agent): void {
    prepareAgent(agent);
    this.#configs.set(agent.id, agent);
    this.#byOrganisation.set(agent.organisationId, agent.id, agent);
  }

  remove(id: string): void {
    const old = this.#configs.get(id);
    if (old === undefined) return;
    this.#byOrganisation.delete(old.organisationId, id);
    this.#configs.delete(id);
  }

  finish() {
    return { entities: this.#configs.finish(), byOrganisation: this.#byOrganisation.finish() };
  }
}
