import type { FlagUse, Operation } from './operation.ts';
import {
  flags,
  immediate,
  kind,
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
    const onRegisters = (form: string, b: string): Operation[] => {
      const work = `const a: ${type} = ${register(width, 2)}; const b: ${type} = ${b};
        ${compute} ${toRegister}`;
      const loud = `${work} ${rule(width)} ${NEXT}`;
      // The narrow forms are too seldom to have two.
      if (!writes || width < 32) return [{ key: key(form), body: loud, flags: 'replaces' }];
      return [
        { key: key(form), body: loud, flags: 'sets' },
        { key: `${key(form)}.quiet`, body: `${work} ${NEXT}` },
      ];
    };
    const onMemory = (form: string, b: string): Operation => ({
      key: key(form),
      body: `${writes ? modifiable(width) : readable(width)}
        const a: ${type} = load<${type}>(at); const b: ${type} = ${b};
        ${compute} ${writes ? `store<${type}>(at, c); ${WRITTEN}` : ''} ${rule(width)} ${NEXT}`,
    });
    return [
      ...onRegisters('rr', register(width, 3)),
      ...onRegisters('ri', immediate(width)),
      {
        key: key('rm'),
        body: `${readable(width)}
          const a: ${type} = ${register(width, 2)}; const b: ${type} = load<${type}>(at);
          ${compute} ${toRegister} ${rule(width)} ${NEXT}`,
      },
      onMemory('mr', register(width, 3)),
      onMemory('mi', immediate(width)),
    ];
  });
}

/** Operations with one operand, in a register or in memory; `compute` makes `c` from `a`, of type T. */
function unary(name: string, compute: string, rule: FlagRule, use: FlagUse): Operation[] {
  return WIDTHS.flatMap((width) => {
    const type = `u${width}`;
    const value = compute.replaceAll('T', type);
    const work = `const a: ${type} = ${register(width, 2)}; ${value} ${setRegister(width, 'c')}`;
    const key = `${name}.${width}`;
    const quiet = use === 'ignores' ? [] : [{ key: `${key}.r.quiet`, body: `${work} ${NEXT}` }];
    return [
      { key: `${key}.r`, body: `${work} ${rule(width)} ${NEXT}`, flags: use },
      ...quiet,
      {
        key: `${key}.m`,
        body: `${modifiable(width)} const a: ${type} = load<${type}>(at); ${value}
          store<${type}>(at, c); ${WRITTEN} ${rule(width)} ${NEXT}`,
      },
    ];
  });
}

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
    const loud = (a: string, b: string) =>
      `const a: ${type} = ${a}; const b: ${type} = ${b}; ${rest}`;
    const onRegisters = (key: string, a: string, b: string): Operation[] => [
      { key, body: loud(a, b), flags: 'sets' },
      {
        key: `${key}.quiet`,
        body: `const c: ${type} = ${a} * ${b}; ${setRegister(width, 'c')} ${NEXT}`,
      },
    ];
    const memory = `load<${type}>(at)`;
    return [
      ...onRegisters(`imul2.${width}.rr`, register(width, 2), register(width, 3)),
      ...onRegisters(`imul3.${width}.rri`, register(width, 3), immediate(width)),
      { key: `imul2.${width}.rm`, body: readable(width) + loud(register(width, 2), memory) },
      { key: `imul3.${width}.rmi`, body: readable(width) + loud(memory, immediate(width)) },
    ];
  });
}

const negated: FlagRule = (width) =>
  `result = ${top(width, 'c')}; first = 0; second = ${top(width, 'b')}; kind = ${kind('SUB', width)};`;

export const integer: readonly Operation[] = [
  ...binary('add', '+', flags.add, true),
  ...binary('sub', '-', flags.sub, true),
  ...binary('and', '&', flags.logic, true),
  ...binary('or', '|', flags.logic, true),
  ...binary('xor', '^', flags.logic, true),
  ...binary('cmp', '-', flags.sub, false),
  // TEST has no form with the register first: the two would be the same.
  ...binary('test', '&', flags.logic, false).filter(({ key }) => !key.endsWith('.rm')),
  ...unary('inc', 'const c: T = <T>(a + 1);', (width) => flags.step(width, 'INC'), 'changes'),
  ...unary('dec', 'const c: T = <T>(a - 1);', (width) => flags.step(width, 'DEC'), 'changes'),
  ...unary('not', 'const c: T = <T>(~a);', () => '', 'ignores'),
  ...unary('neg', 'const b: T = a; const c: T = <T>(0 - b);', negated, 'sets'),
  ...multiply(),
];
