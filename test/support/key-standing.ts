/** How a key stands, as the API tells it and as the data planes are told. */
import { z } from 'zod';
import { apiKeySchema } from '../../shared/api-key.ts';
import type { TestControlPlane } from './control-plane.ts';

export async function keyStatus(plane: TestControlPlane, id: string): Promise<string> {
  const { apiKey } = await plane.admin.query('query($id: ID!) { apiKey(id: $id) { status } }', { id });
  return z.object({ status: z.string() }).parse(apiKey).status;
}

/** What the data planes are told of the key last. */
export async function toldKey(plane: TestControlPlane, id: string): Promise<z.infer<typeof apiKeySchema>> {
  const [row] = await plane.database.query(
    `select change->'value' as value from config_changes where change->'value'->>'id' = $1 order by version desc, position desc limit 1`,
    [id],
  );
  return apiKeySchema.parse(row?.['value']);
}
