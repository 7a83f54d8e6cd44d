/**
 * The local APIC, of which the kernel uses the timer. Its registers are MSRs in x2APIC mode: asked for
 * through the GHCB under SEV-ES and SNP, read and written themselves otherwise. A CPU without x2APIC,
 * which has it in memory, there is only where the host sees all registers: in none and sev. APM2 ch. 16.
 */

import { APIC_BAD } from '../../spec/abi/termination.ts';
import * as Apic from '../../spec/apic.ts';
import { ECX_X2APIC, LEAF_FEATURES } from '../../spec/cpuid.ts';
import * as Msr from '../../spec/msr.ts';
import { load32, rdmsr, store32, wrmsr } from '../cpu.ts';
import { cpuidWord, ECX } from '../cpuid.ts';
import { map, SHARED, UNCACHED, WRITE } from '../mm/paging.ts';
import { reserveWindow } from '../mm/window.ts';
import { panic } from '../panic.ts';
import { hasGhcb } from '../platform.ts';
import { readMsr, writeMsr } from '../sev/msr-request.ts';
import { SPURIOUS_VECTOR } from './vectors.ts';

/** Where the registers are mapped; 0 in x2APIC mode. */
let registers: u64 = 0;
let opened: bool = false;

/** Switches the APIC on, in x2APIC mode if it has that, on first use. */
export function openApic(): void {
  if (opened) return;
  opened = true;
  const base = readBase();
  if (hasGhcb() || (cpuidWord(LEAF_FEATURES, ECX) & ECX_X2APIC) !== 0) {
    writeBase(base | Apic.BASE_ENABLE | Apic.BASE_X2APIC);
  } else {
    writeBase(base | Apic.BASE_ENABLE);
    // Anywhere else the host may name, memory of ours could be.
    if ((base & Apic.BASE_ADDRESS_MASK) !== u64(Apic.PAGE)) panic(APIC_BAD);
    registers = reserveWindow(1);
    map(registers, u64(Apic.PAGE), WRITE | SHARED | UNCACHED);
  }
  // Firmware may have left the 8254 running: its interrupt comes as vector 8, which is #DF's.
  if (!hasGhcb()) writeApic(Apic.LINT0, Apic.MASKED);
  writeApic(Apic.TASK_PRIORITY, 0);
  const spurious = Apic.SPURIOUS_ENABLE | SPURIOUS_VECTOR;
  writeApic(Apic.SPURIOUS, spurious);
  if (readApic(Apic.SPURIOUS) !== spurious) panic(APIC_BAD);
}

export function readApic(offset: u32): u32 {
  if (registers !== 0) return load32(registers + u64(offset));
  return u32(hasGhcb() ? readMsr(msrOf(offset)) : rdmsr(msrOf(offset)));
}

export function writeApic(offset: u32, value: u32): void {
  if (registers !== 0) store32(registers + u64(offset), value);
  else if (hasGhcb()) writeMsr(msrOf(offset), u64(value));
  else wrmsr(msrOf(offset), u64(value));
}

function msrOf(offset: u32): u32 {
  return Msr.X2APIC + (offset >> 4);
}

function readBase(): u64 {
  return hasGhcb() ? readMsr(Msr.APIC_BASE) : rdmsr(Msr.APIC_BASE);
}

function writeBase(value: u64): void {
  if (hasGhcb()) writeMsr(Msr.APIC_BASE, value);
  else wrmsr(Msr.APIC_BASE, value);
}
