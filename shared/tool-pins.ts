/** What is known of a server's tools, and what follows from it: which of them are switched off, changed, or wait for a review. */
import { z } from 'zod';

/** Which tools stay off until somebody has reviewed them: none, those that may destroy something, or all. */
export const TOOL_REVIEWS = ['NONE', 'DESTRUCTIVE', 'ALL'] as const;
export type ToolReview = (typeof TOOL_REVIEWS)[number];

/** One tool as the data planes need to know it. */
export const toolPinSchema = z.strictObject({
  name: z.string(),
  /** Of the definition that holds: the reviewed one, or the first that was seen. */
  fingerprint: z.string(),
  isEnabled: z.boolean(),
  /** Discovery has seen another definition since. */
  isChanged: z.boolean(),
  isReviewed: z.boolean(),
  isDestructive: z.boolean(),
});
export type ToolPin = z.infer<typeof toolPinSchema>;

/** Why a tool may not be called: reasons of `mcp_guardrail_block`. */
export type PinObjection = 'tool_disabled' | 'tool_changed' | 'tool_unreviewed';

/** Undefined for a tool that may be called. Switched off is what somebody decided, so it is told first. */
export function objectionToPin(pin: Omit<ToolPin, 'name' | 'fingerprint'>, review: ToolReview): PinObjection | undefined {
  if (!pin.isEnabled) return 'tool_disabled';
  if (pin.isChanged) return 'tool_changed';
  return isHeld(pin, review) ? 'tool_unreviewed' : undefined;
}

/** Whether the tool waits for its first review. */
export function isHeld({ isReviewed, isDestructive }: Pick<ToolPin, 'isReviewed' | 'isDestructive'>, review: ToolReview): boolean {
  return !isReviewed && (review === 'ALL' || (review === 'DESTRUCTIVE' && isDestructive));
}

/** A change may be let pass and recorded; what somebody switched off, or has not yet looked at, may not. */
export function isPinRefused(objection: PinObjection | undefined, changeMode: 'ENFORCE' | 'OBSERVE'): boolean {
  return objection !== undefined && (objection !== 'tool_changed' || changeMode === 'ENFORCE');
}
