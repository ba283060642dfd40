/** What a server says of a tool, and the fingerprint by which two sayings are told apart. */
import { hash } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from './canonical-json.ts';

/** A schema or a set of hints, kept as it came. */
const membersSchema = z.record(z.string(), z.unknown());

/** An entry of `tools/list`, as far as it tells a model or a person what the tool does. */
export const toolDefinitionSchema = z.object({
  name: z.string().min(1).max(128),
  title: z.string().optional(),
  description: z.string().optional(),
  inputSchema: membersSchema.optional(),
  outputSchema: membersSchema.optional(),
  annotations: membersSchema.optional(),
});
export type ToolDefinition = z.infer<typeof toolDefinitionSchema>;

/** What the fingerprint is taken of. */
export const DEFINITION_MEMBERS = ['name', 'title', 'description', 'inputSchema', 'outputSchema', 'annotations'] as const;

/**
 * SHA-256 in hex over the canonical JSON of the definition. Both planes take it of the entry as the server sent it, so that they agree. Throws for an
 * entry that has no canonical form.
 */
export function fingerprintOfTool(entry: Readonly<Record<string, unknown>>): string {
  const definition = Object.fromEntries(DEFINITION_MEMBERS.filter((member) => entry[member] !== undefined).map((member) => [member, entry[member]]));
  return hash('sha256', canonicalJson(definition), 'hex');
}
