/** How the operator's bounds for servers are written in the environment: both planes call servers, and obey them alike. */
import { z } from 'zod';
import { cidrSchema } from './policy.ts';

/** Blocks of addresses, separated by commas. */
export const cidrListSchema = z
  .string()
  .transform((list) => list.split(',').map((cidr) => cidr.trim()))
  .pipe(z.array(cidrSchema));

/** Root is 0, and the largest number means no user at all. */
const idSchema = z.number().int().min(1).max(4_294_967_294);

/** Whom STDIO servers run as. */
export const stdioUserSchema = z
  .string()
  .regex(/^\d+:\d+$/, 'must be a user id and a group id, as in 1001:1001')
  .transform((text) => {
    const [uid = '', gid = ''] = text.split(':');
    return { uid: Number(uid), gid: Number(gid) };
  })
  .pipe(z.object({ uid: idSchema, gid: idSchema }));
