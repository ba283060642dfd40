/** The part of the next configuration that others are not to know: access tokens for servers, and what tokens of ours are hashed with. */
import type { ConfigUpsert } from '../../shared/config-document.ts';
import { TOKEN_HASH_KEY_PLACE, type Installation } from '../../shared/installation.ts';
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import type { UpstreamToken } from '../../shared/upstream-token.ts';
import { readyToken, WHOLE_ORGANISATION, type ReadyToken } from '../upstream-auth/ready-token.ts';
import { BucketMapDraft } from './bucket-map.ts';
import { ConfigFault } from './config-fault.ts';
import type { ConfigState } from './config-state.ts';
import { NestedMapDraft } from './nested-map-draft.ts';

export class CredentialDraft {
  readonly #sealer: SecretSealer;
  readonly #tokenConfigs: BucketMapDraft<UpstreamToken>;
  readonly #tokens: NestedMapDraft<ReadyToken>;
  readonly #installation: BucketMapDraft<Installation>;
  #tokenHashKey: Buffer | undefined;

  constructor(sealer: SecretSealer, { entities, snapshot }: ConfigState) {
    this.#sealer = sealer;
    this.#tokenConfigs = new BucketMapDraft(entities.upstreamToken);
    this.#tokens = new NestedMapDraft(snapshot.upstreamTokens);
    this.#installation = new BucketMapDraft(entities.installation);
    this.#tokenHashKey = snapshot.tokenHashKey;
  }

  entities() {
    return { upstreamToken: this.#tokenConfigs.finish(), installation: this.#installation.finish() };
  }

  snapshot() {
    return { upstreamTokens: this.#tokens.finish(), tokenHashKey: this.#tokenHashKey };
  }

  /** Throws a `ConfigFault` when it does not open. */
  put(change: Extract<ConfigUpsert, { kind: 'upstreamToken' | 'installation' }>): void {
    if (change.kind === 'upstreamToken') this.#putToken(change.value);
    else this.#putInstallation(change.value);
  }

  remove(kind: 'upstreamToken' | 'installation', id: string): void {
    if (kind === 'installation') throw new ConfigFault('installation: it cannot be removed');
    const old = this.#tokenConfigs.get(id);
    if (old === undefined) return;
    const holder = old.userId ?? WHOLE_ORGANISATION;
    // A new sign-in may have taken its place already.
    if (this.#tokens.get(old.mcpServerId, holder)?.connectionId === id) this.#tokens.delete(old.mcpServerId, holder);
    this.#tokenConfigs.delete(id);
  }

  #putToken(token: UpstreamToken): void {
    this.remove('upstreamToken', token.id);
    this.#tokenConfigs.set(token.id, token);
    this.#tokens.set(token.mcpServerId, token.userId ?? WHOLE_ORGANISATION, readyToken(token, this.#sealer));
  }

  #putInstallation(installation: Installation): void {
    this.#installation.set(installation.id, installation);
    this.#tokenHashKey = Buffer.from(this.#sealer.open(installation.tokenHashKey, TOKEN_HASH_KEY_PLACE), 'base64');
  }
}
