/** The public shape of the feed's frames; `docs/config-feed.md` is the contract. */
import { Field, ObjectType, registerEnumType } from 'type-graphql';
import { BigIntString, Json } from '../graphql/scalars.ts';

export const CONFIG_FRAME_KIND = { SNAPSHOT: 'SNAPSHOT', DELTA: 'DELTA', HEARTBEAT: 'HEARTBEAT' } as const;
registerEnumType(CONFIG_FRAME_KIND, {
  name: 'ConfigFrameKind',
  description: 'SNAPSHOT: a part of the whole. DELTA: what changed since. HEARTBEAT: nothing did.',
});

@ObjectType('ConfigFrame', { description: 'One message of the configuration feed.' })
export class ConfigFrameType {
  @Field(() => BigIntString, { description: 'The version that it leads to.' })
  version!: string;

  @Field(() => CONFIG_FRAME_KIND, { description: 'What it is.' })
  kind!: keyof typeof CONFIG_FRAME_KIND;

  @Field(() => Json, { description: 'By kind; secrets in it are sealed.' })
  payload!: unknown;

  @Field(() => String, { description: 'SHA-256 over version, kind and payload.' })
  checksum!: string;
}
