/** Brings what a server lists now together with what is known of its tools, and draws from that what the data planes need. */
import { fingerprintOfTool, toolDefinitionSchema, type ToolDefinition } from '../../shared/tool-definition.ts';
import { isHeld, type ToolPin, type ToolReview } from '../../shared/tool-pins.ts';
import { holdsStorableText } from '../graphql/storable-text.ts';
import type { ToolEntry } from '../mcp-client/mcp-connection.ts';
import { effectiveRisk, type Tool } from './tool.entity.ts';
import { riskOf } from './tool-risk.ts';

/** A tool as its server lists it. */
export interface SeenTool {
  readonly definition: ToolDefinition;
  readonly fingerprint: string;
}

/** The entries that can be kept, and how many cannot. Of two definitions under one name the first is kept: data planes refuse a tool that has the other. */
export function readEntries(entries: readonly ToolEntry[]): { readonly seen: ReadonlyMap<string, SeenTool>; readonly unreadable: number } {
  const seen = new Map<string, SeenTool>();
  let unreadable = 0;
  for (const entry of entries) {
    const tool = readEntry(entry);
    const known = tool === undefined ? undefined : seen.get(tool.definition.name);
    if (tool === undefined || (known !== undefined && known.fingerprint !== tool.fingerprint)) unreadable++;
    else seen.set(tool.definition.name, tool);
  }
  return { seen, unreadable };
}

function readEntry(entry: ToolEntry): SeenTool | undefined {
  const reading = toolDefinitionSchema.safeParse(entry);
  if (!reading.success || !holdsStorableText(reading.data)) return undefined;
  try {
    return { definition: reading.data, fingerprint: fingerprintOfTool(entry) };
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** What a known tool becomes when its server lists it so. */
export function seenAgain(tool: Tool, { definition, fingerprint }: SeenTool, review: ToolReview, now: Date): Partial<Tool> {
  if (fingerprint === tool.fingerprint) return { lastSeenAt: now, isGone: false };
  // What still waits for its first review is reviewed as it is by then.
  const isStillNew = isHeld(pinOf(tool), review);
  return {
    definition,
    fingerprint,
    ...(isStillNew ? { approvedDefinition: definition, approvedFingerprint: fingerprint } : {}),
    isChanged: !isStillNew && fingerprint !== tool.approvedFingerprint,
    risk: riskOf(definition),
    changedAt: now,
    lastSeenAt: now,
    isGone: false,
  };
}

/** In the order of names, so that equal sets are equal documents. */
export function pinsOf(tools: readonly Tool[]): ToolPin[] {
  return tools.map(pinOf).toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

export function pinOf(tool: Tool): ToolPin {
  return {
    name: tool.name,
    fingerprint: tool.approvedFingerprint,
    isEnabled: tool.enabled,
    isChanged: tool.isChanged,
    isReviewed: tool.reviewedAt != null,
    isDestructive: effectiveRisk(tool) === 'DESTRUCTIVE',
  };
}
