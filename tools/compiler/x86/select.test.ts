import { describe, expect, it } from 'vitest';
import { afterPass, moduleWith } from '../../../test/compiled.ts';
import type { CompileOptions } from '../compile.ts';

const code = (body: string, options: Partial<CompileOptions> = {}) =>
  afterPass('object', moduleWith('(param i32 i32) (result i32)', body), options)
    .map((line) => line.replace(/^[0-9a-f]+:?\s+/, '').trim())
    .join('\n');

const load = (pointer: string, offset = 0) => `(i32.load offset=${offset} ${pointer})`;

describe('an address with a base register', () => {
  it('takes the offset as displacement', () => {
    expect(code(load('(local.get 0)', 8))).toMatch(/\[r14\+rdi\*1\+0x8\]/);
  });

  it('does not take a scaled index that may exceed 32 bits (CVE-2023-26489)', () => {
    const text = code(load('(i32.shl (local.get 0) (i32.const 2))'));
    expect(text).toMatch(/shl e\w+,0x2/);
    expect(text).not.toMatch(/\*4/);
  });

  it('takes a scaled index that cannot', () => {
    const index = '(i32.shl (i32.and (local.get 0) (i32.const 0xffff)) (i32.const 2))';
    expect(code(load(index))).toMatch(/\[r14\+r\w+\*4\]/);
  });

  it('does not take a constant whose addition may wrap', () => {
    expect(code(load('(i32.add (local.get 0) (i32.const 16))'))).toMatch(/(add|lea) e/);
    expect(code(load('(i32.add (local.get 0) (i32.const -16))'))).toMatch(/(add|lea) e/);
  });

  it('never has a displacement of 2 GiB or more, which would be a negative one', () => {
    const text = code(load('(local.get 0)', 0xffff_fff0));
    expect(text).not.toMatch(/\[r14\+r\w+\*1[-+]0x/);
    expect(text).toMatch(/mov eax,0xfffffff0\nadd rdi,rax\n/);
  });
});

describe('an address at base 0', () => {
  const kernel = { mode: 'base0' } as const;

  it('lets the processor wrap at 32 bits', () => {
    const text = code(
      load('(i32.add (local.get 0) (i32.shl (local.get 1) (i32.const 2)))'),
      kernel,
    );
    expect(text).toMatch(/\[edi\+esi\*4\]/);
  });

  it('does not where an offset makes addresses of 33 bits', () => {
    const text = code(load('(i32.add (local.get 0) (local.get 1))', 4), kernel);
    expect(text).toMatch(/\[r\w\w\+0x4\]/);
  });

  it('is a constant up to 4 GiB', () => {
    expect(code(load('(i32.const 0xfee00000)'), kernel)).toMatch(/ds:0xfee00000|\[0xfee00000\]/);
  });
});

describe('one instruction does', () => {
  it('the comparison that a branch decides on', () => {
    const text = code(
      '(if (i32.lt_u (local.get 0) (local.get 1)) (then (call $other))) (i32.const 1)',
    );
    expect(text).toMatch(/cmp edi,esi\njae/);
    expect(text).not.toMatch(/set/);
  });

  it('a load that an addition uses', () => {
    expect(code(`(i32.add (local.get 1) ${load('(local.get 0)')})`)).toMatch(
      /add e\w+,DWORD PTR \[r14/,
    );
  });

  it('no load of a value that a store in between may change', () => {
    const body = `(local.set 1 ${load('(local.get 0)')})
      (i32.store (local.get 0) (i32.const 1)) (i32.add (local.get 0) (local.get 1))`;
    expect(code(body)).not.toMatch(/add \w+,.*\[r14/);
  });

  it('no load for an operand that is wider than the value loaded', () => {
    const body = '(i32.trunc_f32_s (f32.copysign (f32.const 1) (f32.load (local.get 0))))';
    expect(code(body)).toMatch(/movss xmm\d,DWORD PTR \[r14/);
    expect(code(body)).not.toMatch(/(and|or|xor)n?ps xmm\d,.*\[r14/);
  });

  it('a change of memory', () => {
    const body = `(i32.store (local.get 0) (i32.add ${load('(local.get 0)')} (i32.const 3))) (i32.const 0)`;
    expect(code(body)).toMatch(/add DWORD PTR \[r14\+rdi\*1\],0x3/);
  });

  it('a sum with a scaled part and a constant', () => {
    const body =
      '(i32.add (i32.add (local.get 0) (i32.shl (local.get 1) (i32.const 3))) (i32.const 5))';
    expect(code(body)).toMatch(/lea eax,\[rdi\+rsi\*8\+0x5\]/);
  });
});

describe('instructions of later processors', () => {
  it.each([
    ['popcnt', '(i32.popcnt (local.get 0))', 'x86-64-v2'],
    ['lzcnt', '(i32.clz (local.get 0))', 'x86-64-v3'],
    ['tzcnt', '(i32.ctz (local.get 0))', 'x86-64-v3'],
    ['shlx', '(i32.shl (local.get 0) (local.get 1))', 'x86-64-v3'],
    ['rorx', '(i32.rotl (local.get 0) (i32.const 3))', 'x86-64-v3'],
    ['roundsd', '(i32.trunc_f64_s (f64.floor (f64.load (local.get 0))))', 'x86-64-v2'],
  ] as const)('%s only where the build allows it', (mnemonic, body, cpu) => {
    expect(code(body, { cpu })).toContain(mnemonic);
    expect(code(body)).not.toContain(mnemonic);
  });
});

describe('a vector', () => {
  const vector = (body: string, options: Partial<CompileOptions> = {}) =>
    afterPass('object', moduleWith('(param i32 v128 v128) (result v128)', body), options).join(
      '\n',
    );

  it('is loaded and stored as a whole, wherever it lies', () => {
    expect(vector('(v128.load offset=3 (local.get 0))')).toMatch(/movups xmm\d,XMMWORD PTR/);
  });

  const v3 = { cpu: 'x86-64-v3' } as const;

  it('is a memory operand with AVX alone: else those must be aligned', () => {
    const sum = '(i32x4.add (v128.load offset=4 (local.get 0)) (local.get 1))';
    expect(vector(sum)).toMatch(/movups.*\n.* paddd xmm\d,xmm\d/);
    expect(vector(sum, v3)).toMatch(/vpaddd xmm0,xmm0,XMMWORD PTR \[r14\+rdi\*1\+0x4\]/);
  });

  it('is read by an operation only if that reads just as much (CVE-2023-30624)', () => {
    const part = '(v128.and (local.get 1) (v128.load64_zero offset=8 (local.get 0)))';
    for (const options of [{}, v3]) {
      const text = vector(part, options);
      expect(text).toMatch(/movsd xmm\d,QWORD PTR \[r14\+rdi\*1\+0x8\]/);
      expect(text).toMatch(/pand xmm\d(,xmm\d)+$/m);
    }
    const low = (load: string) =>
      vector(`(f64x2.convert_low_i32x4_s (${load} offset=8 (local.get 0)))`, v3);
    expect(low('v128.load64_zero')).toMatch(/vcvtdq2pd xmm0,QWORD PTR \[r14\+rdi\*1\+0x8\]/);
    expect(low('v128.load')).toMatch(/vmovups xmm\d,XMMWORD PTR.*\n.* vcvtdq2pd xmm0,xmm\d/);
  });

  it('keeps its operands with AVX', () => {
    const sum = '(i32x4.add (local.get 1) (local.get 2))';
    expect(vector(sum, v3)).toMatch(/vpaddd xmm0,xmm0,xmm1/);
    expect(vector(sum)).toMatch(/ paddd xmm0,xmm1/);
  });

  it('has 16 bytes where it is spilled across a call', () => {
    const text = vector(
      '(v128.xor (local.get 1) (call $f (local.get 0) (local.get 2) (local.get 2)))',
    );
    expect(text).toMatch(/movups XMMWORD PTR \[rsp[^\]]*\],xmm0/);
  });
});

describe('a tail call', () => {
  it('is a jump', () => {
    const text = code('(return_call $f (local.get 1) (local.get 0))');
    expect(text).toMatch(/jmp/);
    expect(text).not.toMatch(/call|ret/);
  });
});

describe('an atomic access', () => {
  it('is checked for alignment, and locked', () => {
    const text = code('(i32.atomic.rmw.add offset=2 (local.get 0) (local.get 1))');
    expect(text).toMatch(/lea r11d,\[rdi\+0x2\]\ntest r11d,0x3\nj/);
    expect(text).toMatch(/lock xadd/);
  });
});

describe('a condition that is added', () => {
  const sum = (condition: string) => code(`(i32.add (local.get 0) ${condition})`);

  it.each([
    ['(i32.eqz (local.get 1))', /cmp esi,0x1\n.*adc e\w+,0x0/s],
    ['(i32.ne (local.get 1) (i32.const 0))', /cmp esi,0x1\n.*sbb e\w+,0xffffffff/s],
    ['(i32.lt_u (local.get 1) (i32.const 9))', /cmp esi,0x9\n.*adc e\w+,0x0/s],
    ['(i32.gt_u (local.get 1) (i32.const 9))', /cmp esi,0xa\n.*sbb e\w+,0xffffffff/s],
    ['(i32.le_u (local.get 1) (local.get 0))', /cmp edi,esi\n.*sbb e\w+,0xffffffff/s],
  ])('is a carry: %s', (condition, expected) => {
    expect(sum(condition)).toMatch(expected);
  });

  it('is none if it is no comparison without signs', () => {
    expect(sum('(i32.lt_s (local.get 1) (i32.const 9))')).toMatch(/setl/);
    expect(sum('(i32.gt_u (local.get 1) (i32.const -1))')).not.toMatch(/adc|sbb/);
  });

  it('takes the place of a choice between a number and the next one', () => {
    const next = '(i32.add (local.get 0) (i32.const 1))';
    const text = code(`(select (local.get 0) ${next} (i32.load8_u (local.get 1)))`);
    expect(text).toMatch(/cmp BYTE PTR \[r14\+rsi\*1\],0x1\n.*adc e\w+,0x0/s);
    expect(text).not.toMatch(/cmov/);
  });
});

describe('a comparison of a byte in memory with a constant', () => {
  const test = (comparison: string) =>
    code(`(if (result i32) ${comparison}
    (then (i32.const 5)) (else (i32.const 7)))`);

  it('is one of bytes, without signs', () => {
    expect(test('(i32.lt_s (i32.load8_u (local.get 0)) (i32.const 200))')).toMatch(
      /cmp BYTE PTR \[r14\+rdi\*1\],0xc8\njae/,
    );
    expect(test('(i32.and (i32.load8_u (local.get 0)) (i32.const 128))')).toMatch(
      /test BYTE PTR \[r14\+rdi\*1\],0x80\nje/,
    );
  });

  it('is one of 32 bits where the constant has more or the byte has a sign', () => {
    expect(test('(i32.lt_u (i32.load8_u (local.get 0)) (i32.const 256))')).not.toMatch(/BYTE.*,0x/);
    expect(test('(i32.eq (i32.load8_s (local.get 0)) (i32.const 9))')).not.toMatch(/BYTE.*,0x/);
  });
});

describe('a switch over few numbers', () => {
  const text = code(`(block (block (block
    (br_table 0 1 2 (i32.sub (local.get 0) (i32.const 7))))
    (return (i32.const 21))) (return (i32.const 22))) (i32.const 23)`);

  it('compares what was shifted to zero as it was', () => {
    expect(text).toMatch(/cmp edi,0x7\n/);
    expect(text).toMatch(/cmp edi,0x8\n/);
    expect(text).not.toMatch(/(add|sub|lea) e/);
  });
});

describe('a test of a result', () => {
  const after = (operation: string, condition: string) =>
    code(`(local.set 0 (${operation} (local.get 0) (local.get 1)))
      (if (result i32) ${condition} (then (local.get 0)) (else (i32.const 7)))`);
  const isZero = '(i32.eqz (local.get 0))';
  const isPositive = '(i32.gt_s (local.get 0) (i32.const 0))';

  it('is the operation that made it', () => {
    expect(after('i32.sub', isZero)).toMatch(/sub e\w+,esi\njn?e/);
    expect(after('i32.and', isZero)).toMatch(/and e\w+,esi\njn?e/);
    expect(after('i32.and', isPositive)).toMatch(/and e\w+,esi\nj(g|le)/);
  });

  it('is one of its own where that may have overflowed, or says nothing of it', () => {
    expect(after('i32.sub', isPositive)).toMatch(/sub (e\w+),esi\ntest \1,\1/);
    expect(after('i32.mul', isZero)).toMatch(/imul (e\w+),esi\ntest \1,\1/);
    expect(after('i32.shl', isZero)).toMatch(/test e/);
  });
});
