import * as Cpuid from '../../../spec/cpuid.ts';
import { view } from '../../../spec/layout.ts';
import { CpuidFunction, CpuidPage } from '../../../spec/layouts/cpuid-page.ts';
import { type CpuidRegisters, lookUp, PROCESSOR, xsaveSize } from '../cpuid/model.ts';

export const MAX_FUNCTIONS = 64;
export const FUNCTION_SIZE = 48;
const FUNCTIONS = 16;
const RESERVED = 0x28;

/**
 * How a register of the hypervisor's claim is held against the processor's own answer. SNP, CPUID page.
 * `free` bits may be anything, `reserved` ones must be 0.
 */
type Rule =
  | { readonly kind: 'any'; readonly reserved?: number }
  | { readonly kind: 'exact'; readonly free?: number }
  | { readonly kind: 'subset'; readonly free?: number }
  | { readonly kind: 'atMost'; readonly reserved?: number }
  /** Each field in `atMost` on its own, `exact` and `free` bits; all others must be 0. */
  | {
      readonly kind: 'fields';
      readonly exact: number;
      readonly atMost: readonly number[];
      readonly free: number;
    };

const any: Rule = { kind: 'any' };
const exact: Rule = { kind: 'exact' };
const subset: Rule = { kind: 'subset' };
const atMost: Rule = { kind: 'atMost' };
const free = (kind: 'exact' | 'subset', bits: number): Rule => ({ kind, free: bits });
const but = (kind: 'any' | 'atMost', reserved: number): Rule => ({ kind, reserved });
/** Physical and linear address bits; those of guests are free. */
const ADDRESS_SIZES: Rule = { kind: 'fields', exact: 0, atMost: [0xff, 0xff00], free: 0xff_0000 };
/** The C-bit's position must be the real one, and there are no more VMPLs. */
const ENCRYPTION: Rule = { kind: 'fields', exact: 0x3f, atMost: [0xf000], free: 0xfc0 };
/** Of family, model and stepping. */
const FMS_RESERVED = 0xf000_f000;

/** Rules for EAX, EBX, ECX, EDX; for a function that is not listed they are `subset` each. */
// biome-ignore format: a function a line
const RULES: ReadonlyMap<number, readonly [Rule, Rule, Rule, Rule]> = new Map([
  [0x0000_0000, [atMost, any, any, any]],
  [0x0000_0001, [but('atMost', FMS_RESERVED), free('exact', 0xffff_0000), free('subset', Cpuid.ECX_OSXSAVE | Cpuid.ECX_HYPERVISOR), subset]],
  [0x0000_0002, [any, any, any, any]],
  [0x0000_0004, [any, any, any, any]],
  [0x0000_0005, [any, any, any, any]],
  [0x0000_0007, [atMost, subset, free('subset', 0x10), subset]],
  [0x0000_000b, [but('any', 0xffff_ffe0), but('any', 0xffff_0000), but('any', 0xffff_0000), any]],
  [0x8000_0000, [atMost, any, any, any]],
  [0x8000_0001, [but('atMost', FMS_RESERVED), free('exact', 0xf000_0000), subset, subset]],
  [0x8000_0002, [any, any, any, any]],
  [0x8000_0003, [any, any, any, any]],
  [0x8000_0004, [any, any, any, any]],
  [0x8000_0005, [any, any, any, any]],
  [0x8000_0006, [any, any, any, any]],
  [0x8000_0007, [exact, subset, any, subset]],
  [0x8000_0008, [ADDRESS_SIZES, subset, but('any', 0xfffc_0f00), subset]],
  [0x8000_001e, [any, any, any, any]],
  [0x8000_001f, [subset, ENCRYPTION, any, any]],
]);
/** x87 and SSE state, which no CPUID page may lack. */
const XCR0_ALWAYS = 3;
const UNLISTED: readonly [Rule, Rule, Rule, Rule] = [subset, subset, subset, subset];

/**
 * Holds the CPUID page `page` against the processor and corrects it in place. True if nothing had
 * to be corrected. SNP, CPUID page.
 */
export function sanitizeCpuidPage(page: Uint8Array): boolean {
  const { count } = view(CpuidPage, page);
  return count <= MAX_FUNCTIONS && checkFunctions(page.subarray(FUNCTIONS), count);
}

/** Holds the first `count` functions in `bytes` against the processor, and corrects them in place. */
export function checkFunctions(bytes: Uint8Array, count: number): boolean {
  let honest = true;
  for (let index = 0; index < count; index++) {
    const at = index * FUNCTION_SIZE;
    const entry = view(CpuidFunction, bytes, at);
    const reserved = bytes.subarray(at + RESERVED, at + RESERVED + 8);
    if (reserved.some((byte) => byte !== 0)) {
      reserved.fill(0);
      honest = false;
    }
    if (!isChecked(entry.eaxIn)) continue;
    const corrected =
      entry.eaxIn === Cpuid.LEAF_XSAVE
        ? sanitizeXsave(entry.ecxIn, entry.xcr0In, entry)
        : sanitize(entry.eaxIn, entry.ecxIn, entry);
    for (const name of ['eax', 'ebx', 'ecx', 'edx'] as const) {
      if (corrected[name] === entry[name]) continue;
      entry[name] = corrected[name];
      honest = false;
    }
  }
  return honest;
}

/** Functions that a hypervisor defines itself are its own affair. */
function isChecked(leaf: number): boolean {
  return leaf <= 0xffff || (leaf >= 0x8000_0000 && leaf <= 0x8000_ffff);
}

function sanitize(leaf: number, subleaf: number, claim: CpuidRegisters): CpuidRegisters {
  const real = lookUp(PROCESSOR, leaf, subleaf);
  const known = PROCESSOR.some((row) => row.leaf === leaf);
  if (!known) return { eax: 0, ebx: 0, ecx: 0, edx: 0 };
  const [eax, ebx, ecx, edx] = RULES.get(leaf) ?? UNLISTED;
  return {
    eax: apply(eax, claim.eax, real.eax),
    ebx: apply(ebx, claim.ebx, real.ebx),
    ecx: apply(ecx, claim.ecx, real.ecx),
    edx: apply(edx, claim.edx, real.edx),
  };
}

/** Sizes and offsets must be the real ones: a guest makes room by them. */
function sanitizeXsave(subleaf: number, xcr0: bigint, claim: CpuidRegisters): CpuidRegisters {
  const real = lookUp(PROCESSOR, Cpuid.LEAF_XSAVE, subleaf);
  if (subleaf !== 0) return real;
  const eax = (claim.eax & real.eax) | XCR0_ALWAYS;
  return { eax, ebx: xsaveSize(xcr0), ecx: claim.ecx, edx: 0 };
}

function apply(rule: Rule, claim: number, real: number): number {
  switch (rule.kind) {
    case 'any':
      return (claim & ~(rule.reserved ?? 0)) >>> 0;
    case 'atMost':
      return Math.min((claim & ~(rule.reserved ?? 0)) >>> 0, real >>> 0);
    case 'exact': {
      const loose = rule.free ?? 0;
      return ((claim & loose) | (real & ~loose)) >>> 0;
    }
    case 'fields': {
      let value = (real & rule.exact) | (claim & rule.free);
      for (const mask of rule.atMost) {
        value |= Math.min((claim & mask) >>> 0, (real & mask) >>> 0);
      }
      return value >>> 0;
    }
    case 'subset':
      return (claim & (real | (rule.free ?? 0))) >>> 0;
  }
}
