import { type Signature, Type } from './opcodes.ts';

/** The threads proposal's atomic instructions (prefix FE), numbered 0xfe00 + their number. */
export interface AtomicInstruction {
  readonly op: number;
  readonly name: string;
  readonly signature: Signature;
  readonly kind: 'load' | 'store' | Update | 'cmpxchg' | 'notify' | 'wait' | 'fence';
  /** log2 of the bytes accessed, which is the alignment too. */
  readonly shift: number;
}

/** What a read-modify-write instruction does. */
export type Update = 'add' | 'sub' | 'and' | 'or' | 'xor' | 'xchg';

export const ATOMIC_FIRST = 0xfe00;
export const ATOMIC_FENCE = 0xfe03;

/** Type and log2 of the bytes, in the order in which every family has them. */
const WIDTHS: readonly (readonly [type: number, shift: number])[] = [
  [Type.I32, 2],
  [Type.I64, 3],
  [Type.I32, 0],
  [Type.I32, 1],
  [Type.I64, 0],
  [Type.I64, 1],
  [Type.I64, 2],
];

/** `i64.atomic.rmw16.add_u` of i64, 1, `rmw`, `.add`. */
function nameOf(type: number, shift: number, access: string, operation: string): string {
  const isNarrow = 8 << shift !== (type === Type.I64 ? 64 : 32);
  const suffix = isNarrow && access !== 'store' ? '_u' : '';
  const width = isNarrow ? `${8 << shift}` : '';
  return `${type === Type.I64 ? 'i64' : 'i32'}.atomic.${access}${width}${operation}${suffix}`;
}

function family(first: number, kind: AtomicInstruction['kind']): AtomicInstruction[] {
  const isAccess = kind === 'load' || kind === 'store';
  const operands = { load: 0, store: 1, cmpxchg: 2 }[kind as string] ?? 1;
  return WIDTHS.map(([type, shift], i) => ({
    op: ATOMIC_FIRST + first + i,
    name: nameOf(type, shift, isAccess ? kind : 'rmw', isAccess ? '' : `.${kind}`),
    signature: {
      params: [Type.I32, ...new Array<number>(operands).fill(type)],
      result: kind === 'store' ? 0 : type,
    },
    kind,
    shift,
  }));
}

function single(
  number: number,
  name: string,
  params: readonly number[],
  result: number,
  kind: AtomicInstruction['kind'],
  shift: number,
): AtomicInstruction {
  return { op: ATOMIC_FIRST + number, name, signature: { params, result }, kind, shift };
}

const { I32, I64 } = Type;

/** By opcode. */
export const ATOMIC_INSTRUCTIONS: ReadonlyMap<number, AtomicInstruction> = new Map(
  [
    single(0, 'memory.atomic.notify', [I32, I32], I32, 'notify', 2),
    single(1, 'memory.atomic.wait32', [I32, I32, I64], I32, 'wait', 2),
    single(2, 'memory.atomic.wait64', [I32, I64, I64], I32, 'wait', 3),
    single(3, 'atomic.fence', [], 0, 'fence', 0),
    ...family(0x10, 'load'),
    ...family(0x17, 'store'),
    ...family(0x1e, 'add'),
    ...family(0x25, 'sub'),
    ...family(0x2c, 'and'),
    ...family(0x33, 'or'),
    ...family(0x3a, 'xor'),
    ...family(0x41, 'xchg'),
    ...family(0x48, 'cmpxchg'),
  ].map((instruction) => [instruction.op, instruction]),
);
