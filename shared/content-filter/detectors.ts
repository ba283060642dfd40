/** The detectors by name: what each of them finds in a text, all in time that grows with the text and with nothing else. */
import { bankAccountsIn } from './detectors/bank-accounts.ts';
import { cardNumbersIn } from './detectors/card-numbers.ts';
import { emailAddressesIn } from './detectors/email-addresses.ts';
import { privateKeysIn } from './detectors/private-keys.ts';
import { SECRET_SHAPES } from './detectors/secret-shapes.ts';
import { secretsIn, type SecretShape } from './detectors/shaped-secrets.ts';
import type { Span } from './span.ts';

/** What stands in a text without invisible characters and in its compatibility form, from left to right, without overlaps. */
export type Detector = (text: string) => readonly Span[];

export const DETECTORS = [
  'CREDIT_CARD',
  'IBAN',
  'EMAIL',
  'PRIVATE_KEY',
  'JWT',
  'AWS_KEY',
  'GCP_KEY',
  'AZURE_KEY',
  'GITHUB_TOKEN',
  'GITLAB_TOKEN',
  'NPM_TOKEN',
  'SLACK_TOKEN',
  'STRIPE_KEY',
  'OPENAI_KEY',
  'ANTHROPIC_KEY',
  'TURNPIKE_KEY',
] as const;
export type DetectorName = (typeof DETECTORS)[number];

export function detectorOf(name: DetectorName): Detector {
  switch (name) {
    case 'CREDIT_CARD':
      return cardNumbersIn;
    case 'IBAN':
      return bankAccountsIn;
    case 'EMAIL':
      return emailAddressesIn;
    case 'PRIVATE_KEY':
      return privateKeysIn;
    default: {
      const shapes: readonly SecretShape[] = SECRET_SHAPES[name];
      return (text) => secretsIn(text, shapes);
    }
  }
}
