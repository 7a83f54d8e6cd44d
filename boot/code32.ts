import { BootRecord } from '../spec/abi/handoff.ts';
import { Assembler } from '../tools/compiler/x86/assembler.ts';
import {
  absolute,
  ESI,
  type Label,
  type Memory,
  type SymbolReference,
  symbol,
} from '../tools/compiler/x86/operand.ts';
import { TOP } from './memory-map.ts';
import type { BootSymbol } from './object.ts';

/** Added to the address of what lies in the top 2 GiB, it gives its place: modulo 2^32, TOP is this. */
const TO_PLACE = Number(BigInt.asUintN(32, -TOP));

/**
 * The guest-physical address of a symbol that is linked to the top 2 GiB, as 32-bit code needs it.
 */
export function place(name: string, offset = 0): SymbolReference {
  return symbol(name, TO_PLACE + offset);
}

/** A field of the boot record, as memory without paging. `offset` is added to the field's own. */
export function record(field: keyof typeof BootRecord.fields, offset = 0): Memory {
  return absolute(place('image.record', BootRecord.fields[field].offset + offset));
}

/** The assembler of the shim's 32-bit part, and the labels that all of it shares. */
export class Code32 extends Assembler {
  /** Ends the guest; the reason (spec/abi/termination.ts) is in ESI. Never returns. */
  readonly die: Label;
  /** CPUID, in whichever way this platform has: cpuid.ts. */
  readonly cpuid: Label;
  /** A random number: random.ts. */
  readonly random: Label;
  /** Sixteen bytes of the shim that are written before paging is on and read after it. */
  readonly scratch: SymbolReference = symbol('boot!scratch');

  readonly #named: BootSymbol[] = [];

  constructor() {
    super(32);
    this.die = this.label();
    this.cpuid = this.label();
    this.random = this.label();
  }

  /** The address of a label of the shim, as a number that the linker fills in. */
  self(label: Label): SymbolReference {
    const name = `boot!shim.${label}`;
    if (!this.#named.some((known) => known.label === label)) {
      this.#named.push({ name, label, kind: 'object' });
    }
    return symbol(name);
  }

  /** Symbols for the labels whose addresses were taken. */
  get named(): readonly BootSymbol[] {
    return this.#named;
  }

  /** Ends the guest for `reason`. */
  fail(reason: number): void {
    this.op('mov r32, imm32', ESI, reason);
    this.op('jmp rel32', this.die);
  }

  /** Ends the guest for `reason` unless the condition holds (`e`, `ae`, …). */
  require(condition: string, reason: number): void {
    const held = this.label();
    this.op(`j${condition} rel8`, held);
    this.fail(reason);
    this.bind(held);
  }
}
