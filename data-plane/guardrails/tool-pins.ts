/** Holds a server's tools to what is known of them: by name in calls, and by their whole definition where a list passes by. */
import { hash } from 'node:crypto';
import type { McpServer } from '../../shared/mcp-server.ts';
import { fingerprintOfTool } from '../../shared/tool-definition.ts';
import { objectionToPin, type PinObjection, type ToolPin } from '../../shared/tool-pins.ts';
import { foldToolName } from '../../shared/tool-rules.ts';

/** Tools that a list of this node showed in another form than that which holds: from the name to what held then. */
export type ToolDrifts = Map<string, string>;

export interface CompiledPins {
  /** Whether any tool at all may be refused; when false, lists need no filtering. */
  readonly restricts: boolean;
  /** Another one when other tools are refused; made once, because every stream that is open asks for it. */
  readonly fingerprint: string;
  /** Outlives the configuration: a tool that drifted is refused until the control plane has looked at it. */
  readonly drifts: ToolDrifts;
  objectionTo(tool: string): PinObjection | undefined;
  /** Compares an entry of a list with what holds, and remembers a difference. */
  compare(tool: string, entry: Readonly<Record<string, unknown>>): void;
}

type Pinning = Pick<McpServer, 'toolPins' | 'toolReview' | 'toolsDiscoveredAt'>;

/** `drifts` are those that were seen under the configuration before. */
export function compileToolPins({ toolPins, toolReview, toolsDiscoveredAt }: Pinning, drifts: ToolDrifts = new Map()): CompiledPins {
  const isUnknownHeld = toolReview !== 'NONE';
  if (toolPins.length === 0 && !isUnknownHeld) return { restricts: false, fingerprint: '', drifts, objectionTo: () => undefined, compare: () => undefined };
  const byName = new Map(toolPins.map((pin) => [pin.name, pin]));
  // A name that a careless server could take for that of a refused tool is refused with it.
  const bySpelling = Map.groupBy(toolPins, ({ name }) => foldToolName(name));
  const holding = ({ fingerprint }: ToolPin): string => `${fingerprint} ${toolsDiscoveredAt}`;
  return {
    restricts: true,
    fingerprint: hash('sha256', JSON.stringify([toolPins, toolReview]), 'hex'),
    drifts,
    objectionTo: (tool) => {
      if (isUnknownHeld && !byName.has(tool)) return 'tool_unreviewed';
      for (const pin of bySpelling.get(foldToolName(tool)) ?? []) {
        const objection = objectionToPin(pin, toolReview) ?? (drifts.get(pin.name) === holding(pin) ? 'tool_changed' : undefined);
        if (objection !== undefined) return objection;
      }
      return undefined;
    },
    compare: (tool, entry) => {
      const pin = byName.get(tool);
      if (pin !== undefined && !hasFingerprint(entry, pin.fingerprint)) drifts.set(tool, holding(pin));
    },
  };
}

function hasFingerprint(entry: Readonly<Record<string, unknown>>, fingerprint: string): boolean {
  try {
    return fingerprintOfTool(entry) === fingerprint;
  } catch (error) {
    // What has no canonical form is not what was approved.
    if (error instanceof TypeError) return false;
    throw error;
  }
}
