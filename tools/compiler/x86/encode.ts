import type { Instruction } from '../../../spec/x86/instruction.ts';
import { INSTRUCTIONS } from '../../../spec/x86/table.ts';

/** A row of the table made ready for encoding: everything but the operands, as numbers. */
export class Form {
  readonly instruction: Instruction;
  /** Legacy prefixes of the row, the first in the low byte; 0 for none. */
  readonly prefixes: number;
  /** 8 where REX.W is part of the row. */
  readonly rexW: number;
  readonly map: number;
  readonly opcode: number;
  /** What the row itself puts into ModRM.reg, or 0. */
  readonly digit: number;
  /** The operand in ModRM.reg (or in the opcode) and the one in ModRM.rm are byte registers. */
  readonly byteReg: boolean;
  readonly byteRm: boolean;
  /** Bytes of the (first) immediate; 0 for none. */
  readonly immediate: number;
  /** Bytes after ModRM, SIB and displacement. */
  readonly tail: number;
  readonly vex: boolean;
  /** L and pp as VEX's last byte has them. */
  readonly vexLpp: number;
  /** Whether VEX's own operand is used. */
  readonly hasVvvv: boolean;
  /** Of an SSE row: AVX's row for the same operation on registers, and with memory. */
  avx: { readonly registers: Form; readonly memory: Form } | undefined;

  constructor(instruction: Instruction) {
    const { encoding, operands } = instruction;
    this.instruction = instruction;
    const size = encoding.operandSize === 16 ? 0x66 : 0;
    this.prefixes =
      size && encoding.prefix ? size | (encoding.prefix << 8) : size || encoding.prefix;
    this.rexW = encoding.rexW || encoding.vex?.w === 1 ? 8 : 0;
    this.map = encoding.map;
    this.opcode = encoding.opcode;
    this.digit = encoding.modrm === 'digit' ? encoding.digit : 0;
    const byte = (place: string) =>
      operands.some((o) => o.place === place && o.file === 'gpr' && o.width === 8);
    this.byteReg = byte('reg') || byte('opcode');
    this.byteRm = byte('rm');
    this.immediate = encoding.immediates[0] ?? 0;
    this.tail = encoding.immediates.reduce((sum, n) => sum + n, 0);
    this.vex = encoding.vex !== undefined;
    this.vexLpp = ((encoding.vex?.l ?? 0) << 2) | (encoding.vex?.pp ?? 0);
    this.hasVvvv = operands.some(({ place }) => place === 'vvvv');
    this.avx = undefined;
  }
}

const forms = {
  32: index((row) => row.modes.protected32),
  64: index((row) => row.modes.long64),
};

function index(wanted: (row: Instruction) => boolean): Map<string, Form> {
  const byId = new Map(INSTRUCTIONS.filter(wanted).map((row) => [row.id, new Form(row)]));
  for (const form of byId.values()) form.avx = avxOf(form, byId);
  return byId;
}

/** AVX's rows for an SSE row, by the texts that spec/x86/avx.ts gives them. */
function avxOf({ instruction }: Form, byId: ReadonlyMap<string, Form>): Form['avx'] {
  const { mnemonic, operands, id } = instruction;
  const texts = operands.map(({ text }) => text).join(', ');
  const three = byId.get(`v${mnemonic} xmm, ${texts}`);
  const memory = three ?? byId.get(`v${id}`) ?? byId.get(`v${id.replace('xmm/', '')}`);
  const registers = three ?? byId.get(`v${id}`) ?? byId.get(`v${mnemonic} xmm, xmm, xmm`);
  return memory && registers && { registers, memory };
}

/** The form of the row `id`, such as `add r/m64, r64`. Throws if the table has no such row. */
export function form(id: string, mode: 32 | 64 = 64): Form {
  const found = forms[mode].get(id);
  if (found) return found;
  throw new TypeError(`no row ${id} for ${mode}-bit mode in spec/x86`);
}
