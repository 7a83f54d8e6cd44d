import { describe, expect, it } from 'vitest';
import { compileText, moduleWith } from '../../test/compiled.ts';
import { wat } from '../../test/wat.ts';
import { compile } from './compile.ts';
import { type ObjectFunction, typeNumbers } from './object.ts';

const TEXT = `(module
  (import "env" "f" (func $import (param i32) (result i32)))
  (memory (export "memory") 1 3)
  (data (i32.const 16) "static") (data $p "passive")
  (global $g (export "g") (mut i64) (i64.const -7))
  (table (export "t") 4 funcref) (elem (i32.const 1) func $import $sum)
  (type $binary (func (param i32 i32) (result i32)))
  (func $sum (export "sum") (param i32 i32) (result i32)
    (memory.copy (i32.const 0) (i32.const 8) (local.get 0))
    (i32.div_u (call $import (local.get 0))
      (call_indirect (type $binary) (local.get 0) (local.get 1) (i32.const 1))))
  (func $many (param f64 f32) (result i32 i32 i32 f64)
    (i32.const 1) (i32.const 2) (i32.const 3) (local.get 0)))`;

const fn = (functions: readonly ObjectFunction[], name: string) =>
  functions.find(({ symbol }) => symbol === `m!${name}`) as ObjectFunction;

describe('an object', () => {
  const object = compileText(TEXT);

  it('has functions under the names of the name section, and where they are', () => {
    const { start, end, bodyStart, frameSize, index } = fn(object.functions, 'sum');
    expect(index).toBe(1);
    expect(start).toBeLessThan(bodyStart);
    expect(bodyStart).toBeLessThan(end);
    expect(frameSize % 16).toBe(8);
    expect(object.symbols).toContainEqual({
      name: 'm!sum',
      section: 'text',
      offset: start,
      size: end - start,
      kind: 'function',
    });
  });

  it('holds the static data, and says where the rest is', () => {
    expect(object.memory).toMatchObject({
      symbol: 'm!memory',
      imported: false,
      minPages: 1,
      maxPages: 3,
      segments: [{ offset: 16, bytes: new TextEncoder().encode('static') }],
    });
    const global = object.symbols.find(({ name }) => name === 'm!global.0');
    const data = Buffer.from(object.sections.data.bytes);
    expect(data.readBigInt64LE(global?.offset)).toBe(-7n);
    expect(object.start).toBeUndefined();
  });

  it('has a trap site at each ud2, with its reason and place', () => {
    const text = object.sections.text.bytes;
    expect(object.traps.map(({ reason }) => reason).sort()).toEqual([
      'indirect call type mismatch',
      'integer divide by zero',
      'out of bounds memory access',
      'undefined element',
      'uninitialized element',
    ]);
    for (const { offset, wasmOffset } of object.traps) {
      expect([...text.subarray(offset, offset + 2)]).toEqual([0x0f, 0x0b]);
      expect(wat(TEXT)[wasmOffset]).toBeDefined();
    }
  });

  it('has a call site after each call', () => {
    const text = object.sections.text.bytes;
    const near = object.calls.filter(({ offset }) => text[offset - 5] === 0xe8);
    expect(near.length).toBe(2);
    expect(object.calls.length).toBe(3);
  });

  it('maps text to instructions in ascending order', () => {
    const offsets = [...object.lines].filter((_, i) => i % 2 === 0);
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
  });

  it('names function types so that one link gives equal types equal numbers', () => {
    const numbers = typeNumbers([object, compileText(TEXT, { instance: 'other' })]);
    expect([...numbers]).toEqual([
      ['type!(i32,i32)->(i32)', expect.any(Number)],
      ['type!(i32)->(i32)', expect.any(Number)],
    ]);
    expect(new Set(numbers.values()).size).toBe(2);
  });

  it('is the same bytes whenever it is compiled', () => {
    const again = compileText(TEXT);
    expect(again.sections).toEqual(object.sections);
    expect(again.relocations).toEqual(object.relocations);
    expect(again.lines).toEqual(object.lines);
  });
});

describe('instantiation', () => {
  it('leaves to code what imports decide', () => {
    const { start, functions } = compileText(`(module
      (import "env" "base" (global $base i32)) (memory 1)
      (global $copy (export "copy") i32 (global.get $base))
      (data (global.get $base) "dynamic"))`);
    expect(start).toBe('m!instance.start');
    expect(functions.map(({ symbol }) => symbol)).toContain('m!instance.start');
  });

  it('leaves to code a segment that does not fit, which traps', () => {
    const { start, traps } = compileText('(module (memory 1) (data (i32.const 65535) "ab"))');
    expect(start).toBe('m!instance.start');
    expect(traps.map(({ reason }) => reason)).toContain('out of bounds memory access');
  });

  it('starts with the start function where nothing else is to do', () => {
    expect(compileText('(module (func $go) (start $go))').start).toBe('m!go');
  });
});

describe('imports', () => {
  const text =
    '(module (import "a" "b" (func (param i32))) (func (export "f") (call 0 (i32.const 5))))';

  it('that nobody meets are refused', () => {
    expect(() => compileText(text, { bind: () => undefined })).toThrow(
      'unlinkable: unknown import a.b',
    );
  });

  it('are refused where they have not the type of the instruction', () => {
    const bind = () => ({ kind: 'intrinsic', name: 'cpu.rdmsr' }) as const;
    expect(() => compileText(text, { bind })).toThrow(
      'unlinkable: a.b has not the type of cpu.rdmsr',
    );
  });

  it('may be called with constants before their arguments', () => {
    const leading = [{ type: 'i32', value: 3n }] as const;
    const object = compileText(text, { bind: () => ({ kind: 'symbol', symbol: 'k', leading }) });
    const { start, end } = fn(object.functions, 'f1');
    const code = Buffer.from(object.sections.text.bytes.subarray(start, end)).toString('hex');
    expect(code).toContain('bf03000000');
    expect(code).toContain('be05000000');
  });

  it('that are instructions have no call, and are listed if their intercept raises #VC', () => {
    const object = compileText(
      '(module (import "cpu" "vmgexit" (func)) (func $f (call 0)) (export "x" (func 0)))',
      { bind: () => ({ kind: 'intrinsic', name: 'cpu.vmgexit' }), mode: 'base0' },
    );
    const { start } = fn(object.functions, 'f');
    const code = Buffer.from(object.sections.text.bytes).toString('hex');
    expect(code).toContain('f30f01d9');
    expect(object.calls).toEqual([]);
    expect(object.intercepts[0]).toEqual({ offset: expect.any(Number), exitCode: 0x403 });
    expect(object.intercepts[0]?.offset).toBeGreaterThanOrEqual(start);
    expect(object.exports.get('x')?.symbol).toBe('m!f0');
  });
});

describe('the instructions of a cipher', () => {
  it('work on memory, by registers that hold nothing else', () => {
    const object = compileText(
      `(module (import "cpu" "x" (func (param i64 i64)))
        (func (export "f") (param i64 i64) (call 0 (local.get 1) (local.get 0))))`,
      { bind: () => ({ kind: 'intrinsic', name: 'cpu.aesenc' }), mode: 'base0' },
    );
    const code = Buffer.from(object.sections.text.bytes).toString('hex');
    // movups xmm15, [rsi]; aesenc xmm15, [rdi]; movups [rsi], xmm15
    expect(code).toContain('440f103e66440f38dc3f440f113e');
  });

  it('multiply two numbers to memory', () => {
    const object = compileText(
      `(module (import "cpu" "x" (func (param i64 i64 i64)))
        (func (export "f") (param i64 i64 i64)
          (call 0 (local.get 0) (local.get 1) (local.get 2))))`,
      { bind: () => ({ kind: 'intrinsic', name: 'cpu.pclmulqdq' }), mode: 'base0' },
    );
    const code = Buffer.from(object.sections.text.bytes).toString('hex');
    // movq xmm15, rax; movq xmm14, rcx; pclmulqdq xmm15, xmm14, 0; movups [rsi], xmm15
    expect(code).toContain('664c0f6ef8664c0f6ef166450f3a44fe00440f113e');
  });
});

describe('the whole memory at base 0', () => {
  it('has 65536 pages and does not grow', () => {
    const object = compileText(
      moduleWith('(param i32) (result i32)', '(i32.add (memory.size) (memory.grow (i32.const 1)))'),
      { mode: 'base0' },
    );
    expect(object.memory?.symbol).toBeUndefined();
    expect(object.relocations.some(({ symbol }) => symbol.includes('memory'))).toBe(false);
  });
});

describe('a large frame', () => {
  it('is probed page by page before it is used', () => {
    const results = Array(1500).fill('i64');
    const many = `(module (func $f (result ${results.join(' ')}) unreachable)
      (func $g (call $f) ${'drop '.repeat(1500)}))`;
    const object = compile(wat(many), { instance: 'm', mode: 'basereg', bind: () => undefined });
    const { start, bodyStart, frameSize } = fn(object.functions, 'g');
    expect(frameSize).toBeGreaterThan(8192);
    const prologue = Buffer.from(object.sections.text.bytes.subarray(start, bodyStart));
    // test [rsp - 4096], eax and test [rsp - 8192], eax
    expect(prologue.toString('hex')).toContain('85842400f0ffff85842400e0ffff');
  });
});

describe('stack in hand', () => {
  const module = `(module
    (func $calls (result i32) (i32.add (call $leaf) (i32.const 1)))
    (func $leaf (result i32) (i32.const 7))
    (func $jumps (result i32) (return_call $leaf)))`;
  const probes = (stackInHand?: number) => {
    const bind = () => undefined;
    const options = { instance: 'm', mode: 'basereg', bind } as const;
    const all = stackInHand === undefined ? options : { ...options, stackInHand };
    const { functions, sections } = compile(wat(module), all);
    const code = Buffer.from(sections.text.bytes);
    return ['calls', 'leaf', 'jumps'].map((name) => {
      const { start, end, frameSize } = fn(functions, name);
      const at = code.subarray(start, end).indexOf('858424', 0, 'hex');
      return at < 0 ? 0 : -code.readInt32LE(start + at + 3) - frameSize;
    });
  };

  it('is made sure of below the frames that call', () => {
    expect(probes(0x3000)).toEqual([0x3000, 0, 0x3000]);
  });

  it('is nobody’s affair where none is asked for', () => {
    expect(probes()).toEqual([0, 0, 0]);
  });
});
