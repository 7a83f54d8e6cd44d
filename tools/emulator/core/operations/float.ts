import type { Operation } from './operation.ts';
import {
  ADDRESS,
  NEXT,
  readable,
  register,
  setRegister,
  storeMemory,
  type Width,
  WRITTEN,
  writable,
} from './parts.ts';

const TO = 'XMM + <usize>load<u8>(p, 2)';
const FROM = 'XMM + <usize>load<u8>(p, 3)';
const USABLE = 'if (!usableSse()) break;';
const BUILT = 'if (!usableSse() || !built()) break;';
const ALIGNED = `if ((${ADDRESS} & 15) !== 0) { raiseGp(0); break; }`;

/** Whole registers; `aligned`: memory must be. */
function whole(name: string, aligned: boolean): Operation[] {
  const check = aligned ? ALIGNED : '';
  return [
    { key: `${name}.128.xx`, body: `${USABLE} v128.store(${TO}, v128.load(${FROM})); ${NEXT}` },
    {
      key: `${name}.128.xm`,
      body: `${USABLE} ${check} ${readable(128)} v128.store(${TO}, v128.load(at)); ${NEXT}`,
    },
    {
      key: `${name}.128.mx`,
      body: `${USABLE} ${check} ${writable(128)} v128.store(at, v128.load(${FROM})); ${WRITTEN} ${NEXT}`,
    },
  ];
}

/** movss, movsd: between registers the rest of the destination stays, from memory it is cleared. */
function scalar(name: string, width: Width): Operation[] {
  return [
    {
      key: `${name}.${width}.xx`,
      body: `${USABLE} store<u${width}>(${TO}, load<u${width}>(${FROM})); ${NEXT}`,
    },
    {
      key: `${name}.${width}.xm`,
      body: `${USABLE} ${readable(width)} const to: usize = ${TO};
        store<u64>(to, <u64>load<u${width}>(at)); store<u64>(to, 0, 8); ${NEXT}`,
    },
    {
      key: `${name}.${width}.mx`,
      body: `${USABLE} ${storeMemory(width, `load<u${width}>(${FROM})`)} ${NEXT}`,
    },
  ];
}

/** Scalar arithmetic in both precisions, by the functions that the packed forms use too. */
function arithmetic(name: string, operation: string): Operation[] {
  const forms = [
    { suffix: 'ss', width: 32, compute: 'single' },
    { suffix: 'sd', width: 64, compute: 'double' },
  ] as const;
  return forms.flatMap(({ suffix, width, compute }) => {
    const rest = (from: string) =>
      `const to: usize = ${TO};
       store<u${width}>(to, ${compute}(${operation}, load<u${width}>(to), load<u${width}>(${from}))); ${NEXT}`;
    return [
      { key: `${name}${suffix}.${width}.xx`, body: `${BUILT} ${rest(FROM)}` },
      { key: `${name}${suffix}.${width}.xm`, body: `${BUILT} ${readable(width)} ${rest('at')}` },
    ];
  });
}

/** Bitwise operations on whole registers, under each of their names. */
function bitwise(names: string, compute: string): Operation[] {
  return names.split(' ').flatMap((name) => [
    {
      key: `${name}.128.xx`,
      body: `${USABLE} const to: usize = ${TO}; const a = v128.load(to); const b = v128.load(${FROM});
        v128.store(to, ${compute}); ${NEXT}`,
    },
    {
      key: `${name}.128.xm`,
      body: `${USABLE} ${ALIGNED} ${readable(128)}
        const to: usize = ${TO}; const a = v128.load(to); const b = v128.load(at);
        v128.store(to, ${compute}); ${NEXT}`,
    },
  ]);
}

function conversions(width: 32 | 64): Operation[] {
  return [
    {
      key: `cvtsi2sd.${width}.xr`,
      body: `${BUILT} store<f64>(${TO}, <f64>(<i${width}>${register(width, 3)})); ${NEXT}`,
    },
    {
      key: `cvttsd2si.${width}.rx`,
      body: `${BUILT} const value: u64 = toInteger(trunc(load<f64>(${FROM})), ${width / 8});
        ${setRegister(width, `<u${width}>value`)} ${NEXT}`,
    },
  ];
}

/** Comparisons that set the flags: all of them from one word. */
function comparisons(): Operation[] {
  const set = (from: string) =>
    `bits = orderFlags(load<u64>(${TO}), load<u64>(${from}));
     result = (bits & 0x40) !== 0 ? 0 : 1; first = 0; second = bits & 1; kind = FULL; ${NEXT}`;
  return [
    { key: 'ucomisd.64.xx', body: `${BUILT} ${set(FROM)}` },
    { key: 'ucomisd.64.xm', body: `${BUILT} ${readable(64)} ${set('at')}` },
  ];
}

/** The SSE instructions that compiled floating-point code is made of; the others go by their effect. */
export const float: readonly Operation[] = [
  ...['movups', 'movupd', 'movdqu'].flatMap((name) => whole(name, false)),
  ...['movaps', 'movapd', 'movdqa'].flatMap((name) => whole(name, true)),
  ...scalar('movss', 32),
  ...scalar('movsdXmm', 64),
  ...arithmetic('add', 'FLOAT_ADD'),
  ...arithmetic('sub', 'FLOAT_SUB'),
  ...arithmetic('mul', 'FLOAT_MUL'),
  ...arithmetic('div', 'FLOAT_DIV'),
  ...arithmetic('sqrt', 'FLOAT_SQRT'),
  ...bitwise('andps andpd pand', 'v128.and(a, b)'),
  ...bitwise('andnps andnpd pandn', 'v128.andnot(b, a)'),
  ...bitwise('orps orpd por', 'v128.or(a, b)'),
  ...bitwise('xorps xorpd pxor', 'v128.xor(a, b)'),
  ...conversions(32),
  ...conversions(64),
  ...comparisons(),
];
