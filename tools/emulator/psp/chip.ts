import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../root.ts';

/** The one chip that all machines have. Its certificates are made by chip/make.sh, for tests alone. */
export const CHIP_ID: Uint8Array = Uint8Array.from(
  Buffer.from(
    '2c0821df623b71be77a4341aa858fe61c4c774b8808819112d193865ca48567b' +
      'bcd965b11df90a02490d4353c4cda8e49f0ce45e55fdb3ee09892965878f8528',
    'hex',
  ),
);

/** TCB_VERSION of the platform: boot loader 3, TEE 0, SNP 20, microcode 209. SNP, TCB_VERSION. */
export const TCB = 0xd114_0000_0000_0003n;

/** What the firmware derives guests' keys from, with the VCEK as root. SNP, MSG_KEY_REQ. */
export const KEY_ROOT: Uint8Array = Uint8Array.from(
  Buffer.from(
    '9b1f1dd24bd4a5a4f0c1a96d6c3d2a76d5a5b66e1b1d4f0a7d39b7c47f1e08c3' +
      '5a7e44d1b0c96f2817ce5b3390afd264',
    'hex',
  ),
);

/** The keys and certificates of the chip, read from their files when they are first needed. */
export interface ChipKeys {
  /** The VCEK's private key: 48 bytes. */
  readonly vcek: Uint8Array;
  /** DER. */
  readonly certificates: {
    readonly ark: Uint8Array;
    readonly ask: Uint8Array;
    readonly vcek: Uint8Array;
  };
}

const FOLDER = join(root, 'tools', 'emulator', 'psp', 'chip');
const loaded: { keys?: ChipKeys } = {};

export function chipKeys(): ChipKeys {
  loaded.keys ??= {
    vcek: privateScalar(readFileSync(join(FOLDER, 'vcek.key.pem'))),
    certificates: {
      ark: certificate('ark.pem'),
      ask: certificate('ask.pem'),
      vcek: certificate('vcek.pem'),
    },
  };
  return loaded.keys;
}

function certificate(name: string): Uint8Array {
  return new Uint8Array(new X509Certificate(readFileSync(join(FOLDER, name))).raw);
}

function privateScalar(pem: Buffer): Uint8Array {
  const { d } = createPrivateKey(pem).export({ format: 'jwk' });
  return new Uint8Array(Buffer.from(d ?? '', 'base64url'));
}
