import type { Linkable } from '../link-sections.ts';
import type { WasmObject } from '../object.ts';
import { Assembler } from '../x86/assembler.ts';
import { EAX, EDI, ESI } from '../x86/operand.ts';
import { kernelSymbol } from './bind.ts';

/** The kernel's export behind memory.grow: (compartment u32, pages u32) -> previous pages, or -1. */
const KERNEL_GROW = 'memory_grow';

/** What a compartment's table.grow calls beyond a table's capacity: it fails. */
export function tableStub({ instance, relocations }: WasmObject): Linkable | undefined {
  const name = `${instance}!table_grow`;
  if (!relocations.some(({ symbol }) => symbol === name)) return undefined;
  const assembler = new Assembler(64);
  assembler.op('mov r32, imm32', EAX, -1);
  assembler.op('ret');
  const bytes = assembler.finish();
  return {
    sections: { text: { bytes, align: 16 } },
    symbols: [{ name, section: 'text', offset: 0, size: bytes.length, kind: 'function' }],
    relocations: [],
  };
}

/**
 * What a compartment's memory.grow calls: the kernel, with the compartment's number put before the
 * argument. Undefined for a module that never grows its memory.
 */
export function growStub(object: WasmObject, index: number): Linkable | undefined {
  const name = `${object.instance}!memory_grow`;
  if (!object.relocations.some(({ symbol }) => symbol === name)) return undefined;
  const assembler = new Assembler(64);
  assembler.op('mov r32, r/m32', ESI, EDI);
  assembler.op('mov r32, imm32', EDI, index);
  assembler.op('jmp rel32', { symbol: kernelSymbol(KERNEL_GROW), addend: 0 });
  const bytes = assembler.finish();
  return {
    sections: { text: { bytes, align: 16 } },
    symbols: [{ name, section: 'text', offset: 0, size: bytes.length, kind: 'function' }],
    relocations: assembler.relocations.map((relocation) => ({ section: 'text', ...relocation })),
  };
}
