import type { Operation } from './operation.ts';
import {
  ADDRESS,
  condition,
  immediate,
  NEXT,
  readable,
  register,
  setRegister,
  storeMemory,
  type Width,
} from './parts.ts';

const WIDTHS: readonly Width[] = [8, 16, 32, 64];
const WIDE: readonly Width[] = [32, 64];

function moves(): Operation[] {
  return WIDTHS.flatMap((width) => [
    {
      key: `mov.${width}.rr`,
      body: `${setRegister(width, register(width, 3))} ${NEXT}`,
      flags: 'ignores' as const,
    },
    {
      key: `mov.${width}.ri`,
      body: `${setRegister(width, immediate(width))} ${NEXT}`,
      flags: 'ignores' as const,
    },
    {
      key: `mov.${width}.rm`,
      body: `${readable(width)} ${setRegister(width, `load<u${width}>(at)`)} ${NEXT}`,
    },
    { key: `mov.${width}.mr`, body: `${storeMemory(width, register(width, 3))} ${NEXT}` },
    { key: `mov.${width}.mi`, body: `${storeMemory(width, immediate(width))} ${NEXT}` },
  ]);
}

/** movzx, movsx, movsxd: from a narrower register or memory. */
function extensions(): Operation[] {
  const sources: readonly (readonly [string, string, Width])[] = [
    ['movzx', 'u', 8],
    ['movzx', 'u', 16],
    ['movsx', 'i', 8],
    ['movsx', 'i', 16],
    ['movsxd', 'i', 32],
  ];
  const targets: readonly Width[] = [16, 32, 64];
  return sources.flatMap(([name, sign, from]) =>
    targets
      .filter((width) => width > from)
      .flatMap((width) => {
        const to = (value: string) =>
          setRegister(width, `<u${width}>(<${sign}${width}>(${value}))`);
        const source = `load<${sign}${from}>(<usize>load<u8>(p, 3), REGISTERS)`;
        return [
          {
            key: `${name}.${width}.rr${from}`,
            body: `${to(source)} ${NEXT}`,
            flags: 'ignores' as const,
          },
          {
            key: `${name}.${width}.rm${from}`,
            body: `${readable(from)} ${to(`load<${sign}${from}>(at)`)} ${NEXT}`,
          },
        ];
      }),
  );
}

function conditional(): Operation[] {
  return Array.from({ length: 16 }, (_, code) => [
    ...WIDE.flatMap((width) => {
      // A 32-bit destination loses its upper half even where the condition fails.
      const other = width === 32 ? `else ${setRegister(32, register(32, 2))}` : '';
      return [
        {
          key: `cmovcc${code}.${width}.rr`,
          body: `if (${condition(code)}) ${setRegister(width, register(width, 3))} ${other} ${NEXT}`,
        },
        {
          key: `cmovcc${code}.${width}.rm`,
          body: `${readable(width)} const value: u${width} = load<u${width}>(at);
            if (${condition(code)}) ${setRegister(width, 'value')} ${other} ${NEXT}`,
        },
      ];
    }),
    {
      key: `setcc${code}.8.r`,
      body: `const value: u8 = <u8>(${condition(code)}); ${setRegister(8, 'value')} ${NEXT}`,
    },
    {
      key: `setcc${code}.8.m`,
      body: `const value: u8 = <u8>(${condition(code)}); ${storeMemory(8, 'value')} ${NEXT}`,
    },
  ]).flat();
}

/** Signs spread into RDX or within RAX. */
function signs(): Operation[] {
  return [
    {
      key: 'cdq.32.',
      body: `store<u64>(REGISTERS + 16, <u64>(<u32>(load<i32>(REGISTERS) >> 31))); ${NEXT}`,
    },
    { key: 'cqo.64.', body: `store<i64>(REGISTERS + 16, load<i64>(REGISTERS) >> 63); ${NEXT}` },
    { key: 'cdqe.64.', body: `store<i64>(REGISTERS, <i64>load<i32>(REGISTERS)); ${NEXT}` },
  ];
}

export const move: readonly Operation[] = [
  ...moves(),
  ...extensions(),
  ...conditional(),
  ...signs(),
  ...WIDE.map((width) => ({
    key: `lea.${width}.rm0`,
    body: `${setRegister(width, `<u${width}>${ADDRESS}`)} ${NEXT}`,
    flags: 'ignores' as const,
  })),
  ...WIDE.map((width) => ({
    key: `xchg.${width}.rr`,
    body: `const a: u${width} = ${register(width, 2)}; const b: u${width} = ${register(width, 3)};
      ${setRegister(width, 'a', 3)} ${setRegister(width, 'b')} ${NEXT}`,
  })),
];
