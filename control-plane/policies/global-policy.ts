/** Brings the operator's policy for all organisations from its file into force, when the control plane starts. */
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { z } from 'zod';
import { newId } from '../../shared/ids.ts';
import { GLOBAL_OWNER, policyEnvelopeSchema } from '../../shared/policy.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import { ACROSS_TENANTS } from '../database/tenant-filter.ts';
import { FOR_CHANGE } from '../database/version-check.ts';
import { removalOfPolicy, upsertOfPolicy } from './policy.document.ts';
import { PolicyEntity } from './policy.entity.ts';
import { isEmpty } from './policy-inputs.ts';

const fileSchema = policyEnvelopeSchema.extend({
  mode: z.enum(['ENFORCE', 'OBSERVE']).default('ENFORCE'),
  trial: policyEnvelopeSchema.shape.policies.nullable().default(null),
});
type GlobalPolicy = z.infer<typeof fileSchema>;

/**
 * Replicas may start together with the same file; of different ones the last holds. Without a file the policy stays as it is: whoever forgets the
 * variable must not open what the operator closed. `em` works across organisations. Throws one sentence for a file that is none.
 */
export async function applyGlobalPolicy(em: EntityManager, path: string | undefined, log: Logger): Promise<void> {
  if (path === undefined) return;
  const { policies, mode, trial } = readGlobalPolicy(path);
  const content = { envelope: { policies }, mode, trial: trial === null ? null : { policies: trial } };
  await em.transactional(async (writer) => {
    await writer.execute(`select pg_advisory_xact_lock(hashtext('turnpike global policy'))`);
    const existing = await writer.findOne(PolicyEntity, { ownerId: GLOBAL_OWNER }, { ...ACROSS_TENANTS, ...FOR_CHANGE });
    if (isEmpty(content.envelope) && trial === null) {
      if (existing === null) return;
      writer.remove(existing);
      await appendConfigChanges(writer, [removalOfPolicy(existing.id)]);
      return log.info({ path }, 'the global policy was taken away');
    }
    if (existing !== null && isDeepStrictEqual({ envelope: existing.envelope, mode: existing.mode, trial: existing.trial ?? null }, content)) return;
    const policy = existing ?? writer.create(PolicyEntity, { id: newId('policy'), organisationId: null, scope: 'GLOBAL', ownerId: GLOBAL_OWNER, ...content });
    if (existing !== null) writer.assign(existing, { ...content, version: existing.version + 1, updatedAt: new Date() });
    await appendConfigChanges(writer, [upsertOfPolicy(policy)]);
    log.info({ path, policyId: policy.id, version: policy.version, mode }, 'the global policy is in force');
  });
}

function readGlobalPolicy(path: string): GlobalPolicy {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    const faults =
      cause instanceof z.ZodError ? cause.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ') : 'it cannot be read as JSON';
    throw new Error(`the global policy ${path} cannot be used: ${faults}`, { cause });
  }
}
