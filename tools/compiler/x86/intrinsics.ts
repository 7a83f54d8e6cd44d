import { UserError } from '../../errors.ts';
import type { Value } from '../ir/value.ts';
import { mapNumbers } from '../lists.ts';
import type { Binding, FunctionType, ObjectImport } from '../object.ts';
import type { FunctionEmitter } from './emit.ts';
import {
  AND,
  type Form,
  form,
  IMUL,
  MOV,
  MOV_IMM64,
  MOV_STORE,
  MOVZX8,
  MOVZX16,
  UD2,
} from './forms.ts';
import { COMPARE_EXCHANGE, EXCHANGE, FIXED, type FixedData } from './kinds-intrinsic.ts';
import { LOAD, STORE } from './kinds-memory.ts';
import { type Address, type Inst, SCRATCH_XMM, Use, XMM } from './machine.ts';
import { R8, R9, R10, R11, RAX, RBX, RCX, RDI, RDX, RSI, RSP } from './operand.ts';
import { leaOperand, memoryOperand } from './select-address.ts';
import type { Rule, Selector } from './selector.ts';

/**
 * Imports that are instructions: `cpu.*` for the kernel, `volatile.*` for every module within its
 * own memory, `linux.syscall` for the run-time of the linux target.
 */
interface Intrinsic {
  /** As in `wat`, one letter a type: i = i32, I = i64; parameters, then results. */
  readonly type: string;
  select(s: Selector, value: Value): void;
}

const NO_REGISTER = -1;

/** Operands in fixed registers; `write` may also destroy `clobbers`. */
function fixed(
  type: string,
  registers: readonly number[],
  result: number,
  clobbers: readonly number[],
  write: (out: FunctionEmitter) => void,
): Intrinsic {
  return {
    type,
    select(s, value) {
      const inst = s.inst(FIXED);
      inst.uses = mapNumbers(value.args, (arg) => s.anyUse(arg));
      inst.useHints = registers;
      if (value.type !== 0) {
        inst.defs = [s.def(value)];
        inst.defHints = [result];
        inst.anyDef = true;
      }
      const destroyed = [...registers, ...clobbers, ...(result < 0 ? [] : [result])];
      inst.clobbers = destroyed.reduce((mask, register) => mask | (1 << register), 0);
      inst.data = { arguments: registers, result, write } satisfies FixedData;
      s.emit(inst);
    },
  };
}

/** One instruction without operands of its own, noted as a site if its intercept raises #VC. */
function bare(out: FunctionEmitter, row: Form): void {
  out.intercept(row);
  out.asm.none(row);
}

function plain(id: string): Intrinsic {
  const row = form(id);
  return fixed(':', [], NO_REGISTER, [], (out) => bare(out, row));
}

const SHL_IMM = form('shl r/m64, imm8');
const SHR_IMM = form('shr r/m64, imm8');
const SHL32 = form('shl r/m32, imm8');
const OR64 = form('or r64, r/m64');
const OR32 = form('or r32, r/m32');
const SETB = form('setb r/m8');
const FROM_CONTROL = form('mov r64, cr');
const TO_CONTROL = form('mov cr, r64');
const RDMSR = form('rdmsr');
const WRMSR = form('wrmsr');
const CPUID = form('cpuid');
const PVALIDATE = form('pvalidate');
const RMPADJUST = form('rmpadjust');
const RDTSC = form('rdtsc');
const RDRAND = form('rdrand r64');
const RDSEED = form('rdseed r64');
const MUL = form('mul r/m64');
const SYSCALL = form('syscall');
const MOVSB = form('movsb');
const STOSB = form('stosb');
const STOSQ = form('stosq');
const RDTSCP = form('rdtscp');
const RDPMC = form('rdpmc');
const XGETBV = form('xgetbv');
const VMMCALL = form('vmmcall');
const MONITOR = form('monitor');
const MWAIT = form('mwait');
const FROM_DEBUG = form('mov r64, dr');
const TO_DEBUG = form('mov dr, r64');
const BSWAP = form('bswap r64');

/** rax = rdx:rax */
function join(out: FunctionEmitter): void {
  out.asm.ri(SHL_IMM, RDX, 32);
  out.asm.rr(OR64, RAX, RDX);
}

/** A byte flag (CF) into a register, zero-extended. */
function carryTo(out: FunctionEmitter, register: number): void {
  out.asm.r(SETB, register);
  out.asm.rr(MOVZX8, register, register);
}

const rdmsr = fixed('i:I', [RCX], RAX, [RDX], (out) => {
  bare(out, RDMSR);
  join(out);
});

const wrmsr = fixed('iI:', [RCX, RAX], NO_REGISTER, [RDX], (out) => {
  out.asm.rr(MOV[64], RDX, RAX);
  out.asm.ri(SHR_IMM, RDX, 32);
  bare(out, WRMSR);
});

/** EAX, EBX, ECX, EDX to four u32 at a virtual address. */
const cpuid = fixed('iiI:', [RAX, RCX, RSI], NO_REGISTER, [RBX, RDX], (out) => {
  bare(out, CPUID);
  [RAX, RBX, RCX, RDX].forEach((register, i) => {
    out.asm.rm(MOV_STORE[32], register, RSI, NO_REGISTER, 1, 4 * i);
  });
});

/** EAX, and CF in bit 8. */
const pvalidate = fixed('Iii:i', [RAX, RCX, RDX], RAX, [], (out) => {
  bare(out, PVALIDATE);
  carryTo(out, RCX);
  out.asm.ri(SHL32, RCX, 8);
  out.asm.rr(OR32, RAX, RCX);
});

const rmpadjust = fixed('III:i', [RAX, RCX, RDX], RAX, [], (out) => bare(out, RMPADJUST));

const PORT_FORMS = {
  8: { in: form('in al, dx'), out: form('out dx, al'), widen: MOVZX8 },
  16: { in: form('in ax, dx'), out: form('out dx, ax'), widen: MOVZX16 },
  32: { in: form('in eax, dx'), out: form('out dx, eax'), widen: undefined },
} as const;

function portIn(width: 8 | 16 | 32): Intrinsic {
  const row = PORT_FORMS[width];
  return fixed('i:i', [RDX], RAX, [], (out) => {
    bare(out, row.in);
    if (row.widen) out.asm.rr(row.widen, RAX, RAX);
  });
}

function portOut(width: 8 | 16 | 32): Intrinsic {
  return fixed('ii:', [RDX, RAX], NO_REGISTER, [], (out) => bare(out, PORT_FORMS[width].out));
}

function repeated(row: Form, type: string, registers: readonly number[]): Intrinsic {
  return fixed(type, registers, NO_REGISTER, [], (out) => {
    out.intercept(row);
    out.asm.prefix('rep');
    out.asm.none(row);
  });
}

/** Eight bytes at a time, then those that are left. */
const fill = fixed('IiI:', [RDI, RAX, RCX], NO_REGISTER, [RDX], ({ asm }) => {
  asm.rr(MOVZX8, RAX, RAX);
  asm.ri64(MOV_IMM64, RDX, 0x0101_0101, 0x0101_0101);
  asm.rr(IMUL[64], RAX, RDX);
  asm.rr(MOV[64], RDX, RCX);
  asm.ri(SHR_IMM, RCX, 3);
  asm.prefix('rep');
  asm.none(STOSQ);
  asm.rr(MOV[32], RCX, RDX);
  asm.ri(AND[32].short, RCX, 7);
  asm.prefix('rep');
  asm.none(STOSB);
});

const STRING_FORMS = {
  8: { ins: form('insb'), outs: form('outsb') },
  16: { ins: form('insw'), outs: form('outsw') },
  32: { ins: form('insd'), outs: form('outsd') },
} as const;

/** `rep ins` and `rep outs`, and once each: port, virtual address, and how many times. */
function portStrings(width: 8 | 16 | 32): readonly (readonly [string, Intrinsic])[] {
  const { ins, outs } = STRING_FORMS[width];
  const once = (row: Form, index: number) =>
    fixed('iI:', [RDX, index], NO_REGISTER, [], (out) => bare(out, row));
  return [
    [`cpu.ins${width}`, repeated(ins, 'iII:', [RDX, RDI, RCX])],
    [`cpu.outs${width}`, repeated(outs, 'iII:', [RDX, RSI, RCX])],
    [`cpu.insOnce${width}`, once(ins, RDI)],
    [`cpu.outsOnce${width}`, once(outs, RSI)],
  ];
}

const rdtsc = fixed(':I', [], RAX, [RDX], (out) => {
  bare(out, RDTSC);
  join(out);
});

/** TSC_AUX goes to a virtual address. */
const rdtscp = fixed('I:I', [RSI], RAX, [RCX, RDX], (out) => {
  bare(out, RDTSCP);
  out.asm.rm(MOV_STORE[32], RCX, RSI, NO_REGISTER, 1, 0);
  join(out);
});

/** A 64-bit register by its number: RDPMC, XGETBV. */
function readNumbered(row: Form): Intrinsic {
  return fixed('i:I', [RCX], RAX, [RDX], (out) => {
    bare(out, row);
    join(out);
  });
}

/** RAX names the call, and is its result. */
const vmmcall = fixed('I:I', [RAX], RAX, [], (out) => bare(out, VMMCALL));

/** Address, extensions, hints. */
const monitor = fixed('Iii:', [RAX, RCX, RDX], NO_REGISTER, [], (out) => bare(out, MONITOR));

/** Hints, extensions. */
const mwait = fixed('ii:', [RAX, RCX], NO_REGISTER, [], (out) => bare(out, MWAIT));

const DEBUG_CONTROL = 7;

const readDr7 = fixed(':I', [], RAX, [], (out) => {
  out.intercept(FROM_DEBUG, DEBUG_CONTROL);
  out.asm.rr(FROM_DEBUG, DEBUG_CONTROL, RAX);
});

const writeDr7 = fixed('I:', [RAX], NO_REGISTER, [], (out) => {
  out.intercept(TO_DEBUG, DEBUG_CONTROL);
  out.asm.rr(TO_DEBUG, DEBUG_CONTROL, RAX);
});

function readControl(number: number): Intrinsic {
  return fixed(':I', [], RAX, [], (out) => {
    out.intercept(FROM_CONTROL, number);
    out.asm.rr(FROM_CONTROL, number, RAX);
  });
}

function writeControl(number: number): Intrinsic {
  return fixed('I:', [RAX], NO_REGISTER, [], (out) => {
    out.intercept(TO_CONTROL, number);
    out.asm.rr(TO_CONTROL, number, RAX);
  });
}

/** An instruction on what is at a virtual address. */
function atAddress(id: string): Intrinsic {
  const row = form(id);
  return fixed('I:', [RAX], NO_REGISTER, [], (out) => {
    out.intercept(row);
    out.asm.m(row, RAX, NO_REGISTER, 1, 0);
  });
}

/** 64 random bits to a virtual address; the answer is CF: whether there were any. */
function random(row: Form): Intrinsic {
  return fixed('I:i', [RSI], RAX, [RCX], (out) => {
    out.asm.r(row, RCX);
    out.asm.r(SETB, RAX);
    out.asm.rm(MOV_STORE[64], RCX, RSI, NO_REGISTER, 1, 0);
    out.asm.rr(MOVZX8, RAX, RAX);
  });
}

const MOVUPS = form('movups xmm, xmm/m128');
const MOVUPS_STORE = form('movups xmm/m128, xmm');
const MOVQ_XMM = form('movq xmm, r/m64');
const PCLMULQDQ = form('pclmulqdq xmm, xmm/m128, imm8');
/** Held across nothing by the allocator. */
const BLOCK = SCRATCH_XMM - XMM;
const FACTOR = BLOCK - 1;

/** One round of AES on the block at the first address, by the round key (aligned) at the second. */
function cipherRound(id: string): Intrinsic {
  const row = form(id);
  return fixed('II:', [RSI, RDI], NO_REGISTER, [], (out) => {
    out.asm.rm(MOVUPS, BLOCK, RSI, NO_REGISTER, 1, 0);
    out.asm.rm(row, BLOCK, RDI, NO_REGISTER, 1, 0);
    out.asm.rm(MOVUPS_STORE, BLOCK, RSI, NO_REGISTER, 1, 0);
  });
}

/** The product of two polynomials over GF(2), 128 bits, to a virtual address. */
const carrylessMultiply = fixed('III:', [RAX, RCX, RSI], NO_REGISTER, [XMM + FACTOR], (out) => {
  out.asm.rr(MOVQ_XMM, BLOCK, RAX);
  out.asm.rr(MOVQ_XMM, FACTOR, RCX);
  out.asm.rri(PCLMULQDQ, BLOCK, FACTOR, 0);
  out.asm.rm(MOVUPS_STORE, BLOCK, RSI, NO_REGISTER, 1, 0);
});

const LTR = form('ltr r/m16');

const loadTaskRegister = fixed('i:', [RAX], NO_REGISTER, [], (out) => {
  out.intercept(LTR);
  out.asm.r(LTR, RAX);
});

const mulHigh = fixed('II:I', [RAX, RCX], RDX, [], (out) => out.asm.r(MUL, RCX));

const bswap = fixed('I:I', [RAX], RAX, [], (out) => out.asm.r(BSWAP, RAX));

const stackPointer = fixed(':I', [], RAX, [], (out) => out.asm.rr(MOV[64], RAX, RSP));

const returnAddress = fixed(':I', [], RAX, [], (out) => out.returnAddress(RAX));

const undefinedInstruction = fixed(':', [], NO_REGISTER, [], (out) => out.asm.none(UD2));

const syscall = fixed('IIIIIII:I', [RAX, RDI, RSI, RDX, R10, R8, R9], RAX, [RCX, R11], (out) =>
  out.asm.none(SYSCALL),
);

type Bits = 8 | 16 | 32 | 64;

const LOADS: Readonly<Record<Bits, Form>> = { 8: MOVZX8, 16: MOVZX16, 32: MOV[32], 64: MOV[64] };

const STORES: Readonly<Record<Bits, Form>> = {
  8: form('mov r/m8, r8'),
  16: form('mov r/m16, r16'),
  32: MOV_STORE[32],
  64: MOV_STORE[64],
};

const EXCHANGES: Readonly<Record<Bits, Form>> = {
  8: form('xchg r/m8, r8'),
  16: form('xchg r/m16, r16'),
  32: form('xchg r/m32, r32'),
  64: form('xchg r/m64, r64'),
};

const COMPARE_EXCHANGES: Readonly<Record<Bits, Form>> = {
  8: form('cmpxchg r/m8, r8'),
  16: form('cmpxchg r/m16, r16'),
  32: form('cmpxchg r/m32, r32'),
  64: form('cmpxchg r/m64, r64'),
};

/** How an access finds its memory operand: in the module's memory, or at a virtual address. */
type Place = (s: Selector, pointer: Value, uses: number[], kind: number) => Address;

const inMemory: Place = (s, pointer, uses, kind) => memoryOperand(s, pointer, 0, uses, kind);

const atVirtual: Place = (s, pointer, uses, kind) =>
  leaOperand(uses.push(s.use(pointer, kind)) - 1, -1, 1, 0);

function load(bits: Bits, place: Place, pointer: string): Intrinsic {
  return {
    type: `${pointer}:${bits === 64 ? 'I' : 'i'}`,
    select(s, value) {
      const inst = s.inst(LOAD, LOADS[bits]);
      const uses: number[] = [];
      inst.defs = [s.def(value)];
      inst.address = place(s, value.args[0] as Value, uses, Use.REGISTER);
      inst.uses = uses;
      s.emit(inst);
    },
  };
}

function store(bits: Bits, place: Place, pointer: string): Intrinsic {
  return {
    type: `${pointer}${bits === 64 ? 'I' : 'i'}:`,
    select(s, value) {
      const inst = s.inst(STORE, STORES[bits]);
      const uses = [s.use(value.args[1] as Value, Use.REGISTER)];
      inst.address = place(s, value.args[0] as Value, uses, Use.REGISTER);
      inst.uses = uses;
      s.emit(inst);
    },
  };
}

function widening(bits: Bits): Form | undefined {
  return bits === 8 ? MOVZX8 : bits === 16 ? MOVZX16 : undefined;
}

function exchange(bits: Bits): Intrinsic {
  return {
    type: bits === 64 ? 'iI:I' : 'ii:i',
    select(s, value) {
      const inst = s.inst(EXCHANGE, EXCHANGES[bits]);
      const uses = [s.use(value.args[1] as Value, Use.ANY)];
      inst.defs = [s.isNeeded(value) ? s.def(value) : s.newRegister()];
      inst.address = inMemory(s, value.args[0] as Value, uses, Use.LATE_REGISTER);
      inst.uses = uses;
      inst.data = widening(bits);
      s.emit(inst);
    },
  };
}

function compareExchange(bits: Bits): Intrinsic {
  return {
    type: bits === 64 ? 'iII:I' : 'iii:i',
    select(s, value) {
      const inst: Inst = s.inst(COMPARE_EXCHANGE, COMPARE_EXCHANGES[bits]);
      const uses = [
        s.use(value.args[1] as Value, Use.ANY),
        s.use(value.args[2] as Value, Use.LATE_REGISTER),
      ];
      inst.defs = [s.def(value)];
      inst.defHints = [RAX];
      inst.useHints = [RAX];
      inst.clobbers = 1 << RAX;
      inst.address = inMemory(s, value.args[0] as Value, uses, Use.LATE_REGISTER);
      inst.uses = uses;
      inst.data = widening(bits);
      s.emit(inst);
    },
  };
}

const ALL_BITS: readonly Bits[] = [8, 16, 32, 64];

const INTRINSICS: ReadonlyMap<string, Intrinsic> = new Map<string, Intrinsic>([
  ['cpu.rdmsr', rdmsr],
  ['cpu.wrmsr', wrmsr],
  ['cpu.cpuid', cpuid],
  ['cpu.pvalidate', pvalidate],
  ['cpu.rmpadjust', rmpadjust],
  ['cpu.in8', portIn(8)],
  ['cpu.in16', portIn(16)],
  ['cpu.in32', portIn(32)],
  ['cpu.out8', portOut(8)],
  ['cpu.out16', portOut(16)],
  ['cpu.out32', portOut(32)],
  ...portStrings(8),
  ...portStrings(16),
  ...portStrings(32),
  ['cpu.copy', repeated(MOVSB, 'III:', [RDI, RSI, RCX])],
  ['cpu.fill', fill],
  ...[0, 2, 3, 4].map((n) => [`cpu.readCr${n}`, readControl(n)] as const),
  ...[0, 3, 4].map((n) => [`cpu.writeCr${n}`, writeControl(n)] as const),
  ['cpu.invlpg', atAddress('invlpg m')],
  ['cpu.clflush', atAddress('clflush m8')],
  ['cpu.lgdt', atAddress('lgdt m16&64')],
  ['cpu.lidt', atAddress('lidt m16&64')],
  ['cpu.ltr', loadTaskRegister],
  ...['sti', 'cli', 'hlt', 'pause', 'mfence', 'vmgexit', 'wbinvd', 'invd'].map(
    (id) => [`cpu.${id}`, plain(id)] as const,
  ),
  ['cpu.rdtsc', rdtsc],
  ['cpu.rdtscp', rdtscp],
  ['cpu.rdpmc', readNumbered(RDPMC)],
  ['cpu.xgetbv', readNumbered(XGETBV)],
  ['cpu.vmmcall', vmmcall],
  ['cpu.monitor', monitor],
  ['cpu.mwait', mwait],
  ['cpu.readDr7', readDr7],
  ['cpu.writeDr7', writeDr7],
  ['cpu.rdrand64', random(RDRAND)],
  ['cpu.rdseed64', random(RDSEED)],
  ['cpu.aesenc', cipherRound('aesenc xmm, xmm/m128')],
  ['cpu.aesenclast', cipherRound('aesenclast xmm, xmm/m128')],
  ['cpu.pclmulqdq', carrylessMultiply],
  ['cpu.rsp', stackPointer],
  ['cpu.returnAddress', returnAddress],
  ['cpu.swap', bswap],
  ['cpu.bswap64', bswap],
  ['cpu.mulhi', mulHigh],
  ['cpu.ud2', undefinedInstruction],
  ['linux.syscall', syscall],
  ...ALL_BITS.flatMap((bits): [string, Intrinsic][] => [
    [`cpu.load${bits}`, load(bits, atVirtual, 'I')],
    [`cpu.store${bits}`, store(bits, atVirtual, 'I')],
    [`volatile.load${bits}`, load(bits, inMemory, 'i')],
    [`volatile.store${bits}`, store(bits, inMemory, 'i')],
    [`volatile.exchange${bits}`, exchange(bits)],
    [`volatile.compareExchange${bits}`, compareExchange(bits)],
  ]),
]);

/** Whether there is an instruction for `module.name`, with any type. */
export function isIntrinsic(name: string): boolean {
  return INTRINSICS.has(name);
}

/**
 * Checks that an import bound to an intrinsic has its type.
 *
 * @throws UserError `unlinkable:`
 */
export function checkIntrinsic(wanted: ObjectImport, binding: Binding): void {
  if (binding.kind !== 'intrinsic') return;
  const intrinsic = INTRINSICS.get(binding.name);
  const name = `${wanted.module}.${wanted.name}`;
  if (!intrinsic) throw new UserError(`unlinkable: ${name}: no instruction ${binding.name}`);
  if (wanted.kind !== 'function' || letters(wanted.type) !== intrinsic.type) {
    throw new UserError(`unlinkable: ${name} has not the type of ${binding.name}`);
  }
}

function letters({ params, results }: FunctionType): string {
  const letter = (type: string) => ({ i32: 'i', i64: 'I' })[type] ?? type;
  return `${params.map(letter).join('')}:${results.map(letter).join('')}`;
}

export const selectIntrinsic: Rule = (s, value) => {
  const binding = s.context.bindings[value.imm];
  const intrinsic = binding?.kind === 'intrinsic' && INTRINSICS.get(binding.name);
  if (!intrinsic) throw new RangeError('an intrinsic that is not in the table');
  intrinsic.select(s, value);
};
