/** Reads the envelope of the feed's frames, and checks that a frame is what the control plane sent. */
import { z } from 'zod';
import { checksumOfFrame, CONFIG_FRAME_KINDS } from '../../shared/config-document.ts';
import { ConfigFault } from './config-fault.ts';

export const frameSchema = z.object({
  version: z.string().regex(/^\d+$/),
  kind: z.enum(CONFIG_FRAME_KINDS),
  payload: z.unknown(),
  checksum: z.string(),
});
export type ReceivedFrame = z.infer<typeof frameSchema>;

/** Throws a `ConfigFault` when the frame was changed on its way. */
export function verifyChecksum({ version, kind, payload, checksum }: ReceivedFrame): void {
  if (checksumOfFrame(version, kind, payload) !== checksum) throw new ConfigFault(`the checksum of ${kind} ${version} does not fit`);
}
