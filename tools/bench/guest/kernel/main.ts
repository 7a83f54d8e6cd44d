/**
 * A kernel that does, between marks, what the benchmarks count: the kernel's own modules, or those that
 * tools/bench/guest/ways.ts puts in their places.
 */

import { flush, writeByte, writeHex, writeText } from '../../../../kernel/console.ts';
import { exit } from '../../../../kernel/exit.ts';
import { receiveHandoff } from '../../../../kernel/handoff.ts';
import { openApic, readApic, writeApic } from '../../../../kernel/interrupt/apic.ts';
import { openInterrupts, timerTicks } from '../../../../kernel/interrupt/interrupts.ts';
import { sleepUntil } from '../../../../kernel/interrupt/timer.ts';
import { acceptMemory } from '../../../../kernel/mm/acceptance.ts';
import { acceptAtBoot } from '../../../../kernel/mm/acceptance-at-boot.ts';
import { receiveMemoryMap } from '../../../../kernel/mm/memory-map.ts';
import { openPaging } from '../../../../kernel/mm/paging.ts';
import { reclaimPage, sharePage } from '../../../../kernel/mm/sharing.ts';
import { retireShim } from '../../../../kernel/mm/shim.ts';
import { decidePlatform } from '../../../../kernel/platform.ts';
import { REPORT_DATA_SIZE, report, reportAt } from '../../../../kernel/sev/attestation.ts';
import { payload } from '../../../../kernel/sev/channel.ts';
import { receiveCpuidPage } from '../../../../kernel/sev/cpuid.ts';
import { establishGhcb } from '../../../../kernel/sev/establish.ts';
import { begin, setRax } from '../../../../kernel/sev/ghcb.ts';
import { readPort8, writePort8 } from '../../../../kernel/sev/port.ts';
import { request } from '../../../../kernel/sev/request.ts';
import { hasClock, nanoseconds } from '../../../../kernel/time/clock.ts';
import * as Apic from '../../../../spec/apic.ts';
import * as Exit from '../../../../spec/exit.ts';
import * as Ioio from '../../../../spec/ioio.ts';
import * as Uart from '../../../../spec/uart.ts';
import * as Do from '../scenarios.ts';

/** Nanoseconds of a sleep: more than a tick takes to set up. */
const NAP: u64 = 100_000;
/** Offset of REPORT_DATA in a report. SNP §7.3. */
const REPORT_DATA: usize = 0x50;

const page: usize = memory.data(4096, 4096);

export function main(): void {
  receiveHandoff();
  decidePlatform();
  openPaging();
  retireShim();
  receiveCpuidPage();
  establishGhcb();
  receiveMemoryMap();
  for (let scenario = Do.NOTHING; scenario <= Do.REPORT; scenario++) {
    prepare(scenario);
    mark(scenario);
    perform(scenario);
    mark(Do.DONE);
  }
  writeText('ticks ');
  writeHex(u64(timerTicks()), 1);
  writeText('\nreport of ');
  writeHex(load<u64>(reportAt() + REPORT_DATA), 16);
  writeText('\n');
  exit(0);
}

/** The same request whatever way ports are written, so that the marks cost the same everywhere. */
function mark(scenario: u32): void {
  begin();
  setRax(u64(scenario));
  request(Exit.IOIO, u64((Do.MARK_PORT << Ioio.PORT_SHIFT) | Ioio.ADDRESS_64 | Ioio.SIZE_8), 0);
}

/** What is done once, and is no part of what is counted. */
function prepare(scenario: u32): void {
  if (scenario === Do.MSR_WRITE) openApic();
  if (scenario !== Do.TICK) return;
  openInterrupts();
  if (hasClock()) sleepUntil(nanoseconds() + NAP);
}

function perform(scenario: u32): void {
  if (scenario === Do.ACCEPTANCE) {
    acceptMemory();
    acceptAtBoot();
  } else if (scenario === Do.FIRST_REPORT) ask();
  else if (scenario !== Do.NOTHING) for (let i: u32 = 0; i < Do.TIMES; i++) once(scenario, i);
}

function once(scenario: u32, i: u32): void {
  switch (scenario) {
    case Do.LINE:
      for (let at: u32 = 1; at < Do.LINE_SIZE; at++) writeByte(character(at));
      writeByte(0x0a);
      break;
    case Do.BYTES:
      for (let at: u32 = 1; at < Do.LINE_SIZE; at++) sendByte(character(at));
      sendByte(0x0a);
      break;
    case Do.PORT_WRITE:
      writePort8(Do.DATA_PORT, i);
      break;
    case Do.PORT_READ:
      store<u8>(page + i, u8(readPort8(Do.DATA_PORT)));
      break;
    case Do.MSR_WRITE:
      writeApic(Apic.DIVIDE, Apic.DIVIDE_BY_1);
      break;
    case Do.MSR_READ:
      store<u32>(page, readApic(Apic.DIVIDE));
      break;
    case Do.LOAN:
      sharePage(page);
      reclaimPage(page);
      break;
    case Do.TICK:
      sleepUntil(nanoseconds() + NAP);
      break;
    default:
      ask();
      break;
  }
}

function character(at: u32): u8 {
  return u8(0x40 + at);
}

/** As a driver of a serial port does that knows of no strings. */
function sendByte(byte: u8): void {
  while ((readPort8(Uart.COM1 + Uart.LSR) & Uart.LSR_THR_EMPTY) === 0) {}
  writePort8(Uart.COM1 + Uart.THR, u32(byte));
}

function ask(): void {
  memory.fill(payload(), 0x5a, REPORT_DATA_SIZE);
  if (report(0, 0) !== 0) writeText('no report\n');
  flush();
}

export * from '../../../../kernel/offered';
export { trap } from '../../../../kernel/trap/trap';
