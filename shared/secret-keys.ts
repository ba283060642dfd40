/** The secret keys that a process has: the one that it uses, and old ones with which it still reads. */
import { SecretKey, type KeyPurpose } from './secret-key.ts';

export class SecretKeys {
  readonly current: SecretKey;
  readonly old: readonly SecretKey[];

  constructor(current: SecretKey, old: readonly SecretKey[] = []) {
    this.current = current;
    this.old = old.filter(({ id }) => id !== current.id);
  }

  /** As the environment has them: one in `TURNPIKE_SECRET_KEY`, any number with commas between them in `TURNPIKE_OLD_SECRET_KEYS`. */
  static parse(current: string, old = ''): SecretKeys {
    const texts = old.split(',').map((text) => text.trim());
    return new SecretKeys(
      new SecretKey(current),
      texts.filter((text) => text !== '').map((text) => new SecretKey(text, 'TURNPIKE_OLD_SECRET_KEYS')),
    );
  }

  /** The keys of that purpose, the one in use first. */
  deriveAll(purpose: KeyPurpose): [Buffer, ...Buffer[]] {
    return [this.current.derive(purpose), ...this.old.map((key) => key.derive(purpose))];
  }
}
