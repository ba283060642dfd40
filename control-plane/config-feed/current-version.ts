/** Reads the version of the configuration: that of the newest committed change. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';

const versionSchema = z.object({ version: z.string() });

export async function currentVersion(em: EntityManager): Promise<string> {
  const [row] = await em.execute('select version::text as version from config_version');
  return versionSchema.parse(row).version;
}
