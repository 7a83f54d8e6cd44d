import type { Operation } from './operation.ts';
import {
  flags,
  immediate,
  modifiable,
  NEXT,
  readable,
  register,
  setRegister,
  top,
  type Width,
  WRITTEN,
} from './parts.ts';

const WIDTHS: readonly Width[] = [8, 16, 32, 64];

type FlagRule = (width: Width) => string;

/** Operand pairs of an operation with two operands, of which the first may be the destination. */
function binary(name: string, operator: string, rule: FlagRule, writes: boolean): Operation[] {
  return WIDTHS.flatMap((width) => {
    const type = `u${width}`;
    const key = (form: string) => `${name}.${width}.${form}`;
    const compute = `const c: ${type} = <${type}>(a ${operator} b);`;
    const toRegister = writes ? setRegister(width, 'c') : '';
    const regs = (b: string) =>
      `const a: ${type} = ${register(width, 2)}; const b: ${type} = ${b};
       ${compute} ${toRegister} ${rule(width)} ${NEXT}`;
    const memory = (b: string) =>
      `${writes ? modifiable(width) : readable(width)}
       const a: ${type} = load<${type}>(at); const b: ${type} = ${b};
       ${compute} ${writes ? `store<${type}>(at, c); ${WRITTEN}` : ''} ${rule(width)} ${NEXT}`;
    return [
      { key: key('rr'), body: regs(register(width, 3)) },
      { key: key('ri'), body: regs(immediate(width)) },
      {
        key: key('rm'),
        body: `${readable(width)}
          const a: ${type} = ${register(width, 2)}; const b: ${type} = load<${type}>(at);
          ${compute} ${toRegister} ${rule(width)} ${NEXT}`,
      },
      { key: key('mr'), body: memory(register(width, 3)) },
      { key: key('mi'), body: memory(immediate(width)) },
    ];
  });
}

/** Operations with one operand, in a register or in memory. */
function unary(name: string, compute: string, rule: FlagRule): Operation[] {
  return WIDTHS.flatMap((width) => {
    const type = `u${width}`;
    const value = compute.replaceAll('T', type);
    return [
      {
        key: `${name}.${width}.r`,
        body: `const a: ${type} = ${register(width, 2)}; ${value}
          ${setRegister(width, 'c')} ${rule(width)} ${NEXT}`,
      },
      {
        key: `${name}.${width}.m`,
        body: `${modifiable(width)} const a: ${type} = load<${type}>(at); ${value}
          store<${type}>(at, c); ${WRITTEN} ${rule(width)} ${NEXT}`,
      },
    ];
  });
}

const NO_FLAGS: FlagRule = () => '';

/** Only CF is kept of what set the flags before; see {@link flags.step}. */
const stepRule = (name: 'INC' | 'DEC') => (width: Width) => flags.step(width, name);

/** Signed multiplication that keeps the low half; CF and OF tell whether that lost anything. */
function multiply(): Operation[] {
  const widths: readonly Width[] = [32, 64];
  return widths.flatMap((width) => {
    const type = `u${width}`;
    const product =
      width === 64
        ? `const c: u64 = a * b;
           let lost: u64 = 0;
           if (<i64>(<i32>a) !== <i64>a || <i64>(<i32>b) !== <i64>b) {
             lost = <u64>(highSigned(a, b) !== <u64>((<i64>c) >> 63));
           }`
        : `const wide: i64 = (<i64>(<i32>a)) * (<i64>(<i32>b));
           const c: u32 = <u32>wide;
           const lost: u64 = <u64>(<i64>(<i32>c) !== wide);`;
    const rest = `${product} ${setRegister(width, 'c')} ${flags.partial(width, 'lost', 'lost')} ${NEXT}`;
    const from = (a: string, b: string) =>
      `const a: ${type} = ${a}; const b: ${type} = ${b}; ${rest}`;
    const memory = `load<${type}>(at)`;
    return [
      { key: `imul2.${width}.rr`, body: from(register(width, 2), register(width, 3)) },
      { key: `imul2.${width}.rm`, body: readable(width) + from(register(width, 2), memory) },
      { key: `imul3.${width}.rri`, body: from(register(width, 3), immediate(width)) },
      { key: `imul3.${width}.rmi`, body: readable(width) + from(memory, immediate(width)) },
    ];
  });
}

/** Shifts and rotates of registers by an immediate or CL, for the sizes that compilers use. */
function shifts(): Operation[] {
  const widths: readonly Width[] = [32, 64];
  const counts = { i: 'load<u8>(p, 8)', r8: 'load<u8>(REGISTERS + 8)' };
  return widths.flatMap((width) =>
    Object.entries(counts).flatMap(([letter, count]) => {
      const type = `u${width}`;
      const last = width - 1;
      const start = `const n: ${type} = <${type}>(${count}) & ${last};
        if (n === 0) { ${width === 32 ? setRegister(32, register(32, 2)) : ''} ${NEXT} }
        const a: ${type} = ${register(width, 2)};`;
      const key = (name: string) => `${name}.${width}.r${letter}`;
      const shifted = (value: string, carry: string, over: string) =>
        `${start} const c: ${type} = ${value}; const carry: ${type} = ${carry};
         ${setRegister(width, 'c')} ${flags.partial(width, 'carry', over)} ${NEXT}`;
      const rotated = (value: string, carry: string, over: string) =>
        `${start} const c: ${type} = ${value}; ${setRegister(width, 'c')}
         if ((kind & 0xff) < PARTIAL) {
           bits = partial(kind, result, first, second, bits);
           kind = PARTIAL | (kind & 0xff00);
         }
         first = 0; second = <u64>(${carry});
         bits = (bits & ~0x800) | (<u32>(${over}) << 11); ${NEXT}`;
      return [
        {
          key: key('shl'),
          body: shifted('a << n', `(a >> (${width} - n)) & 1`, `(c >> ${last}) ^ carry`),
        },
        { key: key('shr'), body: shifted('a >> n', '(a >> (n - 1)) & 1', `a >> ${last}`) },
        {
          key: key('sar'),
          body: shifted(
            `<${type}>((<i${width}>a) >> <i${width}>n)`,
            `<${type}>((<i${width}>a) >> <i${width}>(n - 1)) & 1`,
            '0',
          ),
        },
        {
          key: key('rol'),
          body: rotated(`rotl<${type}>(a, n)`, 'c & 1', `((c >> ${last}) ^ c) & 1`),
        },
        {
          key: key('ror'),
          body: rotated(
            `rotr<${type}>(a, n)`,
            `c >> ${last}`,
            `((c >> ${last}) ^ (c >> ${last - 1})) & 1`,
          ),
        },
      ];
    }),
  );
}

export const integer: readonly Operation[] = [
  ...binary('add', '+', flags.add, true),
  ...binary('sub', '-', flags.sub, true),
  ...binary('and', '&', flags.logic, true),
  ...binary('or', '|', flags.logic, true),
  ...binary('xor', '^', flags.logic, true),
  ...binary('cmp', '-', flags.sub, false),
  ...binary('test', '&', flags.logic, false),
  ...unary('inc', 'const c: T = <T>(a + 1);', stepRule('INC')),
  ...unary('dec', 'const c: T = <T>(a - 1);', stepRule('DEC')),
  ...unary('not', 'const c: T = <T>(~a);', NO_FLAGS),
  ...unary(
    'neg',
    'const b: T = a; const c: T = <T>(0 - b);',
    (width) =>
      `result = ${top(width, 'c')}; first = 0; second = ${top(width, 'b')}; kind = SUB | ${(64 - width) << 8};`,
  ),
  ...multiply(),
  ...shifts(),
];
