import type { Assembler } from '../tools/compiler/x86/assembler.ts';
import type { Relocation } from '../tools/compiler/x86/emitter.ts';
import type { Label } from '../tools/compiler/x86/operand.ts';

/** A symbol of boot code, and the label at which it starts. */
export interface BootSymbol {
  readonly name: string;
  readonly label: Label;
  readonly kind: 'function' | 'object';
}

/** Code for the linkers: what a compiled object is too, as far as it is code. */
export interface BootObject {
  readonly sections: {
    readonly text: { readonly bytes: Uint8Array; readonly align: number };
  };
  readonly symbols: readonly {
    readonly name: string;
    readonly section: 'text';
    readonly offset: number;
    readonly size: number;
    readonly kind: 'function' | 'object';
  }[];
  readonly relocations: readonly (Relocation & { readonly section: 'text' })[];
}

/** Finished code as the linkers take it: one section, text. `align` is a power of two. */
export function bootObject(
  asm: Assembler,
  symbols: readonly BootSymbol[],
  align: number,
): BootObject {
  const bytes = asm.finish().slice();
  const starts = symbols.map(({ label }) => asm.offsetOf(label));
  const end = (start: number) => Math.min(bytes.length, ...starts.filter((other) => other > start));
  return {
    sections: { text: { bytes, align } },
    symbols: symbols.map(({ name, label, kind }) => {
      const offset = asm.offsetOf(label);
      return { name, section: 'text', offset, size: end(offset) - offset, kind };
    }),
    relocations: asm.relocations.map((relocation) => ({ section: 'text', ...relocation })),
  };
}
