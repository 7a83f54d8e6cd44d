import * as Igvm from '../../spec/igvm.ts';
import * as Launch from '../../spec/launch.ts';
import * as Policy from '../../spec/policy.ts';
import { cpuidQuestions } from './cpuid-leaves.ts';
import { IgvmWriter } from './igvm-writer.ts';
import { ZERO_PAGE } from './launch.ts';
import { nativeContext, vmsa } from './vp-context.ts';

/** Bits of the compatibility masks; SNP and native as COCONUT-SVSM's files have them. */
const SNP = 0x1;
const NATIVE = 0x2;
const SEV = 0x4;
const SEV_ES = 0x8;
const ALL = SNP | NATIVE | SEV | SEV_ES;

const PLATFORMS = [
  [SNP, Igvm.PLATFORM_SNP],
  [SEV_ES, Igvm.PLATFORM_SEV_ES],
  [SEV, Igvm.PLATFORM_SEV],
  [NATIVE, Igvm.PLATFORM_NATIVE],
] as const;

const MEMORY_MAP_AREA = 0;
const ENVIRONMENT_AREA = 1;

/** What an IGVM file of ours is made of. Addresses are GPAs of whole pages. */
export interface IgvmImage {
  /** Pages of the image, ascending; those of zeros too. */
  readonly pages: readonly { readonly gpa: number; readonly bytes: Uint8Array }[];
  /** The shim's entry for this kind of launch. */
  readonly entry: number;
  readonly cpuidPage: number;
  readonly secretsPage: number;
  readonly memoryMapPage: number;
  /** ENVIRONMENT_INFO at its start, VP_COUNT at `vpCountOffset`. */
  readonly environmentPage: number;
  readonly vpCountOffset: number;
  /** VMSA.SEV_FEATURES under SNP. */
  readonly sevFeatures: bigint;
}

/**
 * An IGVM file that starts the image on every platform that it knows. The parameters come before
 * the pages, as QEMU launches them in that order whatever the file says.
 */
export function writeIgvm(image: IgvmImage): Uint8Array {
  const file = new IgvmWriter(2);
  for (const [mask, platform] of PLATFORMS) file.platform(mask, platform);
  file.policy(SNP, BigInt(Policy.SMT) | BigInt(Policy.RESERVED_ONE));

  file.parameterArea(MEMORY_MAP_AREA, [[Igvm.MEMORY_MAP, 0]]);
  file.parameterInsert(ALL, BigInt(image.memoryMapPage), MEMORY_MAP_AREA);
  file.parameterArea(ENVIRONMENT_AREA, [
    [Igvm.ENVIRONMENT_INFO, 0],
    [Igvm.VP_COUNT, image.vpCountOffset],
  ]);
  file.parameterInsert(ALL, BigInt(image.environmentPage), ENVIRONMENT_AREA);

  file.page(SNP, BigInt(image.cpuidPage), Igvm.DATA_CPUID, cpuidQuestions());
  file.page(SNP, BigInt(image.secretsPage), Igvm.DATA_SECRETS, ZERO_PAGE);
  for (const { gpa, bytes } of image.pages) {
    file.page(ALL, BigInt(gpa), Igvm.DATA_NORMAL, bytes);
  }

  file.context(SNP, BigInt(Launch.VMSA_GPA), vmsa(image.entry, image.sevFeatures));
  file.context(SEV_ES, BigInt(Launch.VMSA_GPA), vmsa(image.entry, 0n));
  file.context(SEV, 0n, nativeContext(image.entry));
  file.context(NATIVE, 0n, nativeContext(image.entry));
  return file.finish();
}
