import type { Instruction } from './instruction.ts';
import { i } from './notation.ts';

/** The eight operations that share one pattern of opcodes, n * 8 + 0…5 and 80…83 /n. APM3 §3. */
// biome-ignore format: a row a line
function binary(name: string, n: number, flags: string, reads: string, lock: boolean): Instruction[] {
  const common = { flags, ...(reads ? { reads } : {}) };
  const destination = lock ? { ...common, lock: true as const } : common;
  const at = (k: number) => (n * 8 + k).toString(16).toUpperCase().padStart(2, '0');
  return [
    i(`${name} r/m8, r8`,     `${at(0)} /r`,      destination),
    i(`${name} r/mv, rv`,     `${at(1)} /r`,      destination),
    i(`${name} r8, r/m8`,     `${at(2)} /r`,      common),
    i(`${name} rv, r/mv`,     `${at(3)} /r`,      common),
    i(`${name} al, imm8`,     `${at(4)} ib`,      common),
    i(`${name} rAv, immz`,    `${at(5)} iz`,      common),
    i(`${name} r/m8, imm8`,   `80 /${n} ib`,      destination),
    i(`${name} r/mv, immz`,   `81 /${n} iz`,      destination),
    i(`${name} r/mv, simm8`,  `83 /${n} ib`,      destination),
    i(`${name} r/m8, simm8`,  `82 /${n} ib`,      { ...destination, mode: 32, alias: true }),
  ].flat();
}

/** Integer arithmetic and logic. APM3 §3. */
// biome-ignore format: a row a line
export const alu: readonly Instruction[] = [
  binary('add', 0, 'MMMMMM', '',  true),
  binary('or',  1, '0MMUM0', '',  true),
  binary('adc', 2, 'MMMMMM', 'c', true),
  binary('sbb', 3, 'MMMMMM', 'c', true),
  binary('and', 4, '0MMUM0', '',  true),
  binary('sub', 5, 'MMMMMM', '',  true),
  binary('xor', 6, '0MMUM0', '',  true),
  binary('cmp', 7, 'MMMMMM', '',  false),

  i('test r/m8, r8',       '84 /r',      { flags: '0MMUM0' }),
  i('test r/mv, rv',       '85 /r',      { flags: '0MMUM0' }),
  i('test al, imm8',       'A8 ib',      { flags: '0MMUM0' }),
  i('test rAv, immz',      'A9 iz',      { flags: '0MMUM0' }),
  i('test r/m8, imm8',     'F6 /0 ib',   { flags: '0MMUM0' }),
  i('test r/m8, imm8',     'F6 /1 ib',   { flags: '0MMUM0', alias: true }),
  i('test r/mv, immz',     'F7 /0 iz',   { flags: '0MMUM0' }),
  i('test r/mv, immz',     'F7 /1 iz',   { flags: '0MMUM0', alias: true }),

  i('not r/m8',            'F6 /2',      { lock: true }),
  i('not r/mv',            'F7 /2',      { lock: true }),
  i('neg r/m8',            'F6 /3',      { flags: 'MMMMMM', lock: true }),
  i('neg r/mv',            'F7 /3',      { flags: 'MMMMMM', lock: true }),
  i('inc r/m8',            'FE /0',      { flags: 'MMMMM-', lock: true }),
  i('inc r/mv',            'FF /0',      { flags: 'MMMMM-', lock: true }),
  i('inc rv',              '40+r',       { flags: 'MMMMM-', mode: 32 }),
  i('dec r/m8',            'FE /1',      { flags: 'MMMMM-', lock: true }),
  i('dec r/mv',            'FF /1',      { flags: 'MMMMM-', lock: true }),
  i('dec rv',              '48+r',       { flags: 'MMMMM-', mode: 32 }),

  i('mul r/m8',            'F6 /4',      { flags: 'MUUUUM' }),
  i('mul r/mv',            'F7 /4',      { flags: 'MUUUUM' }),
  i('imul r/m8',           'F6 /5',      { flags: 'MUUUUM', effect: 'imul1' }),
  i('imul r/mv',           'F7 /5',      { flags: 'MUUUUM', effect: 'imul1' }),
  i('imul rv, r/mv',       '0F AF /r',   { flags: 'MUUUUM', effect: 'imul2' }),
  i('imul rv, r/mv, immz', '69 /r iz',   { flags: 'MUUUUM', effect: 'imul3' }),
  i('imul rv, r/mv, simm8', '6B /r ib',  { flags: 'MUUUUM', effect: 'imul3' }),
  i('div r/m8',            'F6 /6',      { flags: 'UUUUUU' }),
  i('div r/mv',            'F7 /6',      { flags: 'UUUUUU' }),
  i('idiv r/m8',           'F6 /7',      { flags: 'UUUUUU' }),
  i('idiv r/mv',           'F7 /7',      { flags: 'UUUUUU' }),

  i('xadd r/m8, r8',       '0F C0 /r',   { flags: 'MMMMMM', lock: true }),
  i('xadd r/mv, rv',       '0F C1 /r',   { flags: 'MMMMMM', lock: true }),
  i('cmpxchg r/m8, r8',    '0F B0 /r',   { flags: 'MMMMMM', lock: true }),
  i('cmpxchg r/mv, rv',    '0F B1 /r',   { flags: 'MMMMMM', lock: true }),
  i('cmpxchg8b m64',       '0F C7 /1',   { flags: '--M---', lock: true, feature: 'cx8' }),
  i('cmpxchg16b m128',     'REX.W 0F C7 /1', { flags: '--M---', lock: true, feature: 'cx16', width: 128 }),

  i('adcx ry, r/my',       '66 0F 38 F6 /r', { flags: '-----M', reads: 'c', feature: 'adx' }),
  i('adox ry, r/my',       'F3 0F 38 F6 /r', { flags: 'M-----', reads: 'o', feature: 'adx' }),

  i('daa',                 '27',         { flags: 'UMMMMM', reads: 'ac', mode: 32 }),
  i('das',                 '2F',         { flags: 'UMMMMM', reads: 'ac', mode: 32 }),
  i('aaa',                 '37',         { flags: 'UUUMUM', reads: 'a', mode: 32 }),
  i('aas',                 '3F',         { flags: 'UUUMUM', reads: 'a', mode: 32 }),
  i('aam imm8',            'D4 ib',      { flags: 'UMMUMU', mode: 32 }),
  i('aad imm8',            'D5 ib',      { flags: 'UMMUMU', mode: 32 }),
].flat();
