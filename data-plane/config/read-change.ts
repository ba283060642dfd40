/** Reads one change of the configuration, before anything obeys it. */
import { z } from 'zod';
import { accessGrantUpsertSchema, apiKeyUpsertSchema, configRemovalSchema, configUpsertSchema, type ConfigChange } from '../../shared/config-document.ts';
import { compileUnchanged } from '../../shared/unchanged.ts';
import { faultOf } from './config-fault.ts';

const name = z.string().optional().catch(undefined);
/** What can be told of a change that is not one. */
const outlineSchema = z.looseObject({ kind: name, id: name, value: z.looseObject({ id: name }).optional().catch(undefined) });

/** There are hundreds of thousands of these. */
const isWholeKey = compileUnchanged(apiKeyUpsertSchema);
const isWholeGrant = compileUnchanged(accessGrantUpsertSchema);

/** `place` says where the change stands; what can be told of the entity itself is put behind it. Throws a `ConfigFault`. */
export function readChange(raw: unknown, place: string): ConfigChange {
  if (isWholeKey(raw) || isWholeGrant(raw)) return raw;
  const reading = isRemoval(raw) ? configRemovalSchema.safeParse(raw) : configUpsertSchema.safeParse(raw);
  if (reading.success) return reading.data;
  const { kind, id, value } = outlineSchema.safeParse(raw).data ?? {};
  const names = [kind, value?.id ?? id].filter((text) => text !== undefined);
  throw faultOf(names.length === 0 ? place : `${place} (${names.join(' ')})`, reading.error);
}

function isRemoval(raw: unknown): boolean {
  return typeof raw === 'object' && raw !== null && 'op' in raw && raw.op === 'remove';
}
