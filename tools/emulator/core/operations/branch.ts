import type { Operation } from './operation.ts';
import {
  branch,
  condition,
  GO,
  INDIRECT,
  immediate,
  NEXT,
  readable,
  register,
  setRegister,
  storeMemory,
} from './parts.ts';

const RSP = 'load<u64>(REGISTERS + 32)';
const setRsp = (value: string) => `store<u64>(REGISTERS + 32, ${value});`;

/** Pushes `value`, eight bytes. */
const push = (value: string) =>
  `const pushed: u64 = ${value}; const rsp: u64 = ${RSP} - 8; {${storeMemory(64, 'pushed', 'rsp', 'true')}} ${setRsp('rsp')}`;

/** A branch with a fixed target is two operations: into another page, and, next in number, within its own. */
function direct(key: string, body: (leave: string) => string, longMode?: true): Operation[] {
  const more = longMode ? { longMode } : {};
  return [
    { key, body: body(branch(false)), ...more },
    { key: `${key}.near`, body: body(branch(true)), ...more },
  ];
}

function conditional(width: 32 | 64): Operation[] {
  return Array.from({ length: 16 }, (_, code) =>
    direct(
      `jcc${code}.${width}.j`,
      (leave) => `if (${condition(code)}) { ${leave} } else { ${NEXT} }`,
    ),
  ).flat();
}

/** Branches and the stack of 64-bit mode; what is not here goes by its effect. */
export const branches: readonly Operation[] = [
  ...conditional(32),
  ...conditional(64),
  ...direct('jmp.32.j', (leave) => leave),
  ...direct('jmp.64.j', (leave) => leave),
  ...direct('call.64.j', (leave) => `${push('nextOf(p)')} ${leave}`, true),
  { key: 'jmp.64.r', body: `const target = ${register(64, 2)}; ${INDIRECT} ${GO}`, longMode: true },
  {
    key: 'jmp.64.m',
    body: `${readable(64)} const target = load<u64>(at); ${INDIRECT} ${GO}`,
    longMode: true,
  },
  {
    key: 'call.64.r',
    body: `const target = ${register(64, 2)}; ${INDIRECT} ${push('nextOf(p)')} ${GO}`,
    longMode: true,
  },
  {
    key: 'call.64.m',
    body: `let target: u64; { ${readable(64)} target = load<u64>(at); }
      ${INDIRECT} ${push('nextOf(p)')} ${GO}`,
    longMode: true,
  },
  {
    key: 'ret.64.',
    body: `${readable(64, RSP, 'true')} const target = load<u64>(at); ${INDIRECT} ${setRsp('linear + 8')} ${GO}`,
    longMode: true,
  },
  {
    key: 'ret.64.i',
    body: `${readable(64, RSP, 'true')} const target = load<u64>(at); ${INDIRECT}
      ${setRsp('linear + 8 + load<u64>(p, 8)')} ${GO}`,
    longMode: true,
  },
  { key: 'push.64.r', body: `${push(register(64, 2))} ${NEXT}`, longMode: true },
  { key: 'push.64.i', body: `${push(immediate(64))} ${NEXT}`, longMode: true },
  {
    key: 'pop.64.r',
    body: `${readable(64, RSP, 'true')} ${setRsp('linear + 8')} ${setRegister(64, 'load<u64>(at)')} ${NEXT}`,
    longMode: true,
  },
  {
    key: 'leave.64.',
    body: `${readable(64, 'load<u64>(REGISTERS + 40)', 'true')} ${setRsp('linear + 8')}
      store<u64>(REGISTERS + 40, load<u64>(at)); ${NEXT}`,
    longMode: true,
  },
];
