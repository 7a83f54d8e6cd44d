import type { Instruction } from './instruction.ts';

/** How an instruction changes general registers, as far as the proof must know. */
export type Behaviour =
  /** Changes none. */
  | 'reads'
  /** Gives its first operand a new value. */
  | 'writes'
  /** Gives its first two operands new values (xchg, xadd; mulx). */
  | 'writes both'
  /** Has operands that the opcode implies. */
  | 'implied'
  /** Moves RSP, or the flow of control. */
  | 'stack'
  | 'flow'
  /** On memory at RSI and RDI. */
  | 'string'
  /** Only the kernel and the run-time have any business with it. */
  | 'kernel';

const words = (text: string) => text.trim().split(/\s+/);

const BEHAVIOURS: readonly (readonly [Behaviour, readonly string[]])[] = [
  ['reads', words('cmp test bt nop mfence lfence sfence')],
  [
    'writes',
    words(`add or adc sbb and sub xor not neg inc dec mov movzx movsx movsxd movbe lea bswap cmovcc
      setcc rol ror rcl rcr shl shr sar shld shrd bts btr btc popcnt tzcnt lzcnt bsf bsr andn
      bextr blsr blsmsk blsi bzhi pdep pext shlx shrx sarx rorx imul2 imul3`),
  ],
  ['writes both', words('xchg xadd mulx')],
  ['implied', words('mul imul1 div idiv cbw cwde cdqe cwd cdq cqo cmpxchg cmpxchg8b cmpxchg16b')],
  ['stack', words('push pop')],
  ['flow', words('jcc jmp call ret ud')],
  ['string', words('movs stos')],
  [
    'kernel',
    words(`pause rdtsc rdtscp cpuid rdmsr wrmsr vmgexit vmmcall pvalidate rmpadjust in out ins outs
      cli sti hlt movFromControl movToControl invlpg clflush clflushopt clwb lgdt lidt ltr rdrand
      rdseed xgetbv xsetbv wbinvd int3`),
  ],
];

const behaviours = new Map<string, Behaviour>(
  BEHAVIOURS.flatMap(([behaviour, names]) => names.map((name) => [name, behaviour] as const)),
);

/** XMM instructions that touch memory or registers that their operands do not name. */
const IMPLIED_XMM = new Set(words('maskmovdqu pcmpestrm pcmpestri pcmpistrm pcmpistri'));

/**
 * What an instruction may do; undefined for one that nothing of ours has any use for. Those on XMM
 * registers are told by their operands: what is not in one of them they leave alone.
 */
export function behaviourOf({ row, operands }: Instruction): Behaviour | undefined {
  const known = behaviours.get(row.effect.name);
  if (known) return known;
  const onXmm = row.operands.some(({ file }) => file === 'xmm');
  if (!onXmm || row.cpl0 || row.intercept !== undefined) return undefined;
  if (IMPLIED_XMM.has(row.effect.name)) return undefined;
  const [first] = operands;
  return first?.kind === 'register' && first.file === 'gpr' ? 'writes' : 'reads';
}

/** Instructions whose first operand is read only where it is memory. */
const READ_ONLY = new Set(
  words(`cmp test bt nop push jmp call mul imul1 div idiv ucomiss ucomisd comiss comisd ptest`),
);

/** Whether an instruction's first operand is written where it is memory. */
export function writesMemory({ row }: Instruction): boolean {
  return !READ_ONLY.has(row.effect.name);
}
