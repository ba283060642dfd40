/** Notices for a caller who listens that lists show it something else now (MCP 2025-11-25, list changed notifications). */
import type { GovernedServer } from './config/governed-server.ts';
import type { GovernancePlan } from './policies/governance-plan.ts';

/** What decides which entries of lists are seen. */
export interface Governing {
  readonly server: GovernedServer;
  readonly plan: Pick<GovernancePlan, 'content'>;
}

const [TOOLS_CHANGED, LISTS_CHANGED] = [changesOf(['tools']), changesOf(['tools', 'prompts', 'resources'])];

export class ListVisibility {
  #rules: Rules;
  #haveWordsChanged = false;

  constructor(access: Governing) {
    this.#rules = rulesOf(access);
  }

  /** The events to say when entries are hidden by other rules than before; undefined when nothing has changed. */
  changesWith(access: Governing): Buffer | undefined {
    const rules = rulesOf(access);
    if (rules.tools === this.#rules.tools && rules.words === this.#rules.words) return undefined;
    // From then on for good, since what is said now takes the place of what could not be said before.
    this.#haveWordsChanged ||= rules.words !== this.#rules.words;
    this.#rules = rules;
    return this.#haveWordsChanged ? LISTS_CHANGED : TOOLS_CHANGED;
  }
}

/** What hides tools, and what hides entries of every list. */
interface Rules {
  readonly tools: string;
  readonly words: string;
}

function rulesOf({ server: { config, toolPins }, plan }: Governing): Rules {
  const { allowedTools, blockedTools, toolRulesMode, toolChangeMode } = config;
  return {
    tools: JSON.stringify([allowedTools, blockedTools, toolRulesMode, toolPins.fingerprint, toolChangeMode]),
    words: JSON.stringify(plan.content.request.map(({ filter }) => filter.config)),
  };
}

function changesOf(lists: readonly string[]): Buffer {
  return Buffer.from(lists.map((list) => `event: message\ndata: {"jsonrpc":"2.0","method":"notifications/${list}/list_changed"}\n\n`).join(''));
}
