import type { Cpu } from '../../tools/compiler/compile.ts';
import { type LinkedModule, makeExecutable } from '../../tools/compiler/linux/executable.ts';
import type { WasmObject } from '../../tools/compiler/object.ts';
import { decode } from '../../tools/compiler/wasm/decode.ts';
import { linesOf, type Run, runExecutable } from '../differential/native.ts';
import { wat } from '../wat.ts';
import { type Constants, evaluateConstants } from './constants.ts';
import { isExpected, laneConstants } from './expected.ts';
import { type Expression, type List, readExpressions } from './expression.ts';

/** What a script's assertions came to: how many held, and a line for each that did not. */
export interface Report {
  readonly passed: number;
  readonly failures: readonly string[];
  /** Names of the exports that assertions call, by module. */
  readonly asserted: ReadonlyMap<Uint8Array, ReadonlySet<string>>;
}

/** A module of a script, once it is instantiated. */
interface Instance {
  readonly wasm: Uint8Array;
  /** Name for --link and @: the one it is registered under, or a made-up one. */
  name: string;
  /** Instances that it imports from. */
  readonly uses: readonly Instance[];
}

/** A call that waits for its answer: calls are made when all modules of the script are known. */
interface Call {
  readonly instance: Instance;
  /** How many modules there were when it was made. */
  readonly stage: number;
  readonly command: List;
  readonly line: string;
  /** Undefined for an action that nothing is asserted about. */
  readonly accepts: ((answer: string) => boolean) | undefined;
}

/**
 * Runs a script of the specification's tests: its modules are compiled, those that import from each
 * other linked into one executable, and its actions made as calls of --batch, in order.
 */
export function runScript(source: string, runtime: WasmObject, cpu: Cpu = 'x86-64'): Report {
  const lists = readExpressions(source);
  // A script may be the fields of one module. (WebAssembly/spec, interpreter/README.md)
  const isModule = lists.some(({ items }) =>
    /^(func|memory|table|global|type)$/.test(word(items[0])),
  );
  const commands = isModule ? readExpressions(`(module ${source})`) : lists;
  return new Script(commands, runtime, cpu).run();
}

class Script {
  private readonly commands: readonly List[];
  private readonly runtime: WasmObject;
  private readonly cpu: Cpu;
  private readonly constants: Constants;
  private readonly instances: Instance[] = [];
  private readonly named = new Map<string, Instance>();
  private readonly registered = new Map<string, Instance>();
  private readonly calls: Call[] = [];
  private readonly failures: string[] = [];
  private passed = 0;

  constructor(commands: readonly List[], runtime: WasmObject, cpu: Cpu) {
    this.commands = commands;
    this.runtime = runtime;
    this.cpu = cpu;
    this.constants = evaluateConstants(commands.flatMap(constantsIn));
  }

  run(): Report {
    for (const command of this.commands) this.command(command);
    for (const group of this.groups()) {
      for (const last of group) this.callStage(group, last);
    }
    return { passed: this.passed, failures: this.failures, asserted: this.asserted() };
  }

  private asserted(): Map<Uint8Array, Set<string>> {
    const names = new Map<Uint8Array, Set<string>>();
    for (const { instance, line, accepts } of this.calls) {
      if (!accepts || !line.startsWith('"')) continue;
      const name = JSON.parse(/^"(?:[^"\\]|\\.)*"/.exec(line)?.[0] ?? '""');
      names.set(instance.wasm, (names.get(instance.wasm) ?? new Set()).add(name));
    }
    return names;
  }

  private command(command: List): void {
    const [head, first, second] = command.items;
    switch (word(head)) {
      case 'module':
        this.instantiate(command);
        return;
      case 'register':
        this.register(textOf(first), second);
        return;
      case 'invoke':
      case 'get':
        this.action(command, command, undefined);
        return;
      case 'assert_return': {
        const expected = command.items.slice(2).filter((item) => item.kind === 'list');
        this.action(command, list(first), (answer) => this.matches(expected, answer));
        return;
      }
      case 'assert_trap':
        if (word(list(first).items[0]) === 'module') this.refuses(command);
        else this.action(command, list(first), (answer) => isTrap(answer, textOf(second)));
        return;
      case 'assert_exhaustion':
        this.action(command, list(first), (answer) => isTrap(answer, textOf(second)));
        return;
      case 'assert_malformed':
      case 'assert_invalid':
      case 'assert_unlinkable':
        this.refuses(command);
        return;
      default:
        this.fail(command, 'the command is not known');
    }
  }

  private instantiate(command: List): void {
    try {
      const wasm = binaryOf(command);
      const uses = this.usedBy(wasm);
      const instance = { wasm, name: `module${this.instances.length}`, uses };
      this.instances.push(instance);
      const name = word(command.items[1]);
      if (name.startsWith('$')) this.named.set(name, instance);
    } catch (error) {
      this.fail(command, String(error));
    }
  }

  private usedBy(wasm: Uint8Array): Instance[] {
    const modules = new Set(decode(wasm).imports.map(({ module }) => module));
    return [...modules].flatMap((name) => this.registered.get(name) ?? []);
  }

  private register(name: string, module: Expression | undefined): void {
    const instance = this.find(module);
    instance.name = name;
    this.registered.set(name, instance);
  }

  /** The module that an action names, or the last one. */
  private find(module: Expression | undefined): Instance {
    const name = word(module);
    const found = name.startsWith('$') ? this.named.get(name) : this.instances.at(-1);
    if (!found) throw new SyntaxError(`no module ${name}`);
    return found;
  }

  private action(command: List, action: List, accepts: Call['accepts']): void {
    const [head, ...rest] = action.items;
    const named = word(rest[0]).startsWith('$');
    const instance = this.find(named ? rest[0] : undefined);
    const [name, ...operands] = named ? rest.slice(1) : rest;
    const parts = [JSON.stringify(textOf(name)), ...operands.map((o) => this.constants(list(o)))];
    const line = word(head) === 'get' ? `!get ${parts.join(' ')}` : parts.join(' ');
    const stage = this.instances.length;
    this.calls.push({ instance, stage, command, line, accepts });
  }

  private matches(expected: readonly List[], answer: string): boolean {
    const values = answer === '' ? [] : answer.split(' ');
    return (
      values.length === expected.length &&
      expected.every((list, i) => isExpected(list, values[i] ?? '', this.constants))
    );
  }

  /** A module that must not come to life: refused with the kind of error that the command names, or trapping. */
  private refuses(command: List): void {
    const kind = word(command.items[0]).replace('assert_', '');
    const module = list(command.items[1]);
    let wasm: Uint8Array;
    try {
      wasm = binaryOf(module);
    } catch {
      // Text that wabt cannot read tests wabt, not us.
      return;
    }
    try {
      const executable = this.build(wasm, this.usedByAny(wasm));
      const run = runExecutable(executable, ['--batch'], '');
      const trapped = kind === 'trap' && isTrap(run.stdout.trim(), textOf(command.items[2]));
      this.count(command, trapped, `${kind} expected, got ${run.stdout.trim() || 'an executable'}`);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.count(command, message.startsWith(`${kind}: `), `${kind} expected, got ${message}`);
    }
  }

  /** What a module that may be invalid imports: V8 cannot be asked, so all that is registered. */
  private usedByAny(wasm: Uint8Array): Instance[] {
    try {
      return this.usedBy(wasm);
    } catch {
      return [];
    }
  }

  private build(wasm: Uint8Array, uses: readonly Instance[]): Uint8Array {
    const links: LinkedModule[] = this.closure(uses);
    return makeExecutable({ wasm }, links, this.runtime, this.cpu);
  }

  /** The instances and all that they import from, in the order of the script. */
  private closure(uses: readonly Instance[]): Instance[] {
    const all = new Set(uses);
    for (const instance of all) for (const used of instance.uses) all.add(used);
    return this.instances.filter((instance) => all.has(instance));
  }

  /** Instances that share state, each group in the order of the script. */
  private groups(): Instance[][] {
    const leaders = new Map<Instance, Instance>();
    const leader = (instance: Instance): Instance => {
      const next = leaders.get(instance);
      return next === undefined || next === instance ? instance : leader(next);
    };
    for (const instance of this.instances) {
      for (const used of instance.uses) leaders.set(leader(used), leader(instance));
    }
    const groups = new Map<Instance, Instance[]>();
    for (const instance of this.instances) {
      const members = groups.get(leader(instance)) ?? [];
      groups.set(leader(instance), [...members, instance]);
    }
    return [...groups.values()];
  }

  /**
   * Makes the calls of a group up to those that came after its module `last` and before its next one,
   * and checks these. An executable instantiates its modules before the first call, so that what earlier
   * calls did to later modules' beginnings is not seen.
   */
  private callStage(group: readonly Instance[], last: Instance): void {
    const modules = group.slice(0, group.indexOf(last) + 1);
    const next = group[modules.length];
    const from = this.instances.indexOf(last) + 1;
    const to = next ? this.instances.indexOf(next) : this.instances.length;
    const calls = this.calls.filter(
      ({ instance, stage }) => modules.includes(instance) && stage <= to,
    );
    const checked = calls.filter(({ stage, accepts }) => stage >= from && accepts);
    if (checked.length === 0 && next) return;
    let run: Run;
    try {
      const executable = makeExecutable(last, modules.slice(0, -1), this.runtime, this.cpu);
      const input = calls.map((call) => batchLine(call, last)).join('');
      run = runExecutable(executable, ['--batch'], input);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.failures.push(`a module of ${checked.length} calls: ${message}`);
      return;
    }
    const answers = linesOf(run.stdout);
    for (const call of checked) {
      const answer =
        answers[calls.indexOf(call)] ?? `no answer (exit code ${run.status}) ${run.stderr}`;
      this.count(call.command, call.accepts?.(answer) ?? true, `got ${answer}`);
    }
  }

  private count(command: List, holds: boolean, otherwise: string): void {
    if (holds) this.passed += 1;
    else this.fail(command, otherwise);
  }

  private fail(command: List, message: string): void {
    this.failures.push(`line ${command.line}: ${message}: ${command.source.slice(0, 200)}`);
  }
}

function batchLine({ instance, line }: Call, main: Instance): string {
  const at = `@${JSON.stringify(instance.name)} `;
  if (instance === main) return `${line}\n`;
  return line.startsWith('!get ') ? `!get ${at}${line.slice(5)}\n` : `${at}${line}\n`;
}

/** The tests give the beginning of a trap's words, sometimes with more detail than there is. */
function isTrap(answer: string, words: string): boolean {
  const got = /^trap: (.*)$/.exec(answer)?.[1];
  return got !== undefined && (got.startsWith(words) || words.startsWith(got));
}

function constantsIn(command: List): List[] {
  const inner = command.items.flatMap((item) => (item.kind === 'list' ? constantsIn(item) : []));
  const name = word(command.items[0]);
  if (name === 'module') return [];
  return name.endsWith('.const') ? [command, ...laneConstants(command)] : inner;
}

/** The binary of `(module …)`: text, `binary` strings, or `quote`d text. */
function binaryOf(module: List): Uint8Array {
  const rest = module.items.slice(word(module.items[1]).startsWith('$') ? 2 : 1);
  const strings = () => Buffer.concat(rest.flatMap((i) => (i.kind === 'text' ? [i.bytes] : [])));
  if (word(rest[0]) === 'binary') return strings();
  if (word(rest[0]) === 'quote') return wat(`(module ${strings().toString()})`);
  return wat(module.source);
}

function word(expression: Expression | undefined): string {
  return expression?.kind === 'word' ? expression.text : '';
}

function list(expression: Expression | undefined): List {
  if (expression?.kind !== 'list') throw new SyntaxError('a list expected');
  return expression;
}

function textOf(expression: Expression | undefined): string {
  // A byte order mark is part of a name.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return expression?.kind === 'text' ? decoder.decode(expression.bytes) : '';
}
