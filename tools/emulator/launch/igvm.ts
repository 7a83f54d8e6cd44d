import * as Igvm from '../../../spec/igvm.ts';
import * as Launch from '../../../spec/launch.ts';
import { UserError } from '../../errors.ts';
import { PAGE, PAGES_2M } from '../hypervisor/guest-memory.ts';
import type { LaunchedPage, Machine } from '../machine.ts';
import { encrypted, IGVM_PLATFORM, MODES, type Mode, protectedState } from '../mode.ts';
import type { Identity } from '../psp/id-block.ts';
import { refusedPolicy } from '../psp/policy.ts';
import { nativeState } from '../vcpu/entry-state.ts';
import { cpuidPage } from './cpuid-page.ts';
import { type Directive, type IgvmFile, parseIgvm } from './igvm-file.ts';
import { nativeContext } from './native-context.ts';
import { parameter } from './parameters.ts';
import { check, launchPage, launchSev, launchVmsa, startFirst, startSnp, VMSA_GFN } from './sev.ts';
import { hostVmsa } from './vmsa.ts';

/** The modes that an IGVM file has a platform for, from the weakest to the strongest. */
export function igvmModes(file: IgvmFile): Mode[] {
  return MODES.filter((mode) =>
    file.platforms.some((platform) => platform.type === IGVM_PLATFORM[mode]),
  );
}

/**
 * Launches an IGVM file on the platform of the machine's mode, by QEMU's and KVM's rules: pages in the
 * file's order, zero pages as NORMAL ones, VMSAs last. IGVM; SNP, launch.
 */
export function launchIgvm(machine: Machine, bytes: Uint8Array): void {
  const file = parseIgvm(bytes);
  const platform = file.platforms.find(({ type }) => type === IGVM_PLATFORM[machine.mode]);
  if (!platform) throw new UserError(`the IGVM file has no platform for mode ${machine.mode}`);
  const applies = (mask: number) => (mask & platform.mask) !== 0;
  machine.launch = () => launchIgvm(machine, bytes);
  const listed = collectPages(machine, file.directives, applies);
  const pages = machine.hooks.pages?.(listed) ?? listed;
  const context = vpContext(file.directives, applies);
  if (machine.mode === 'snp') {
    const policy = file.policies.find(({ mask }) => applies(mask))?.policy ?? DEFAULT_POLICY;
    const identity = file.directives.find(
      (one): one is Directive & { kind: 'identity' } =>
        one.kind === 'identity' && applies(one.mask),
    );
    launchSnp(machine, { policy, pages, context, identity: identity?.identity(policy) });
    return;
  }
  machine.vmsaFrames.length = 0;
  for (const page of pages) place(machine, page);
  if (encrypted(machine.mode)) {
    const encrypts = pages.filter(({ type }) => type !== 'shared');
    launchSev(
      machine,
      encrypts.map(({ gfn, data }) => ({ gpa: gfn * PAGE, data })),
    );
  }
  if (protectedState(machine.mode)) launchVmsa(machine, hookedVmsa(machine, context));
  else machine.vcpu.start(nativeState(nativeContext(context)));
  if (encrypted(machine.mode)) machine.launchDigest = machine.psp.sev.launchMeasure();
}

function hookedVmsa(machine: Machine, context: Uint8Array): Uint8Array {
  const page = hostVmsa(context, machine.hypervisor.features);
  return machine.hooks.vmsa?.(page) ?? page;
}

const DEFAULT_POLICY = 0x3_0000n;

interface SnpLaunch {
  readonly policy: bigint;
  readonly pages: readonly LaunchedPage[];
  readonly context: Uint8Array;
  readonly identity: Identity | undefined;
}

function launchSnp(machine: Machine, { policy, pages, context, identity }: SnpLaunch): void {
  const refusal = refusedPolicy(policy);
  if (refusal !== undefined) {
    throw new UserError(`the guest policy 0x${policy.toString(16)} is refused: ${refusal}`);
  }
  const guest = startSnp(machine, policy);
  for (const page of pages) {
    place(machine, page);
    if (page.type === 'shared') continue;
    const frame = machine.memory.frameOf(page.gfn) ?? 0;
    launchPage(machine, guest, { frame, gfn: page.gfn, type: page.type });
  }
  // SEV_FEATURES are the host's to choose, as under KVM: an image that needs others finds out.
  const vmsa = hookedVmsa(machine, context);
  for (const page of [vmsa, ...(machine.hooks.vcpus?.(vmsa) ?? [])]) {
    const frame = machine.memory.allocateFrame();
    machine.memory.write(frame * PAGE, page);
    launchPage(machine, guest, { frame, gfn: VMSA_GFN, type: Launch.VMSA });
    machine.vmsaFrames.push(frame);
  }
  machine.hooks.launched?.();
  check(machine.psp.launchFinish(guest, identity), 'SNP_LAUNCH_FINISH');
  machine.launchDigest = machine.psp.context(guest)?.digest;
  if (!machine.hypervisor.profile.startsShared) giveRest(machine);
  startFirst(machine);
}

/** Assigns all RAM outside the image to the guest, not validated, in 2 MiB pages where that goes. */
function giveRest(machine: Machine): void {
  for (const { gfn, pages } of machine.memory.ranges) {
    for (let at = gfn; at < gfn + pages; at += PAGES_2M) {
      machine.pages.makePrivate(at, Math.min(PAGES_2M, gfn + pages - at));
    }
  }
}

/** The pages that the directives load, in order; parameter areas are filled on the way. */
function collectPages(
  machine: Machine,
  directives: readonly Directive[],
  applies: (mask: number) => boolean,
): LaunchedPage[] {
  const areas = new Map<number, Uint8Array>();
  const pages: LaunchedPage[] = [];
  for (const directive of directives) {
    switch (directive.kind) {
      case 'area':
        areas.set(directive.index, directive.data);
        break;
      case 'parameter': {
        const area = areas.get(directive.area);
        if (!area) throw new TypeError(`parameter area ${directive.area} was checked`);
        const room = area.length - directive.offset;
        area.set(parameter(machine, directive.type, room), directive.offset);
        break;
      }
      case 'insert': {
        const area = areas.get(directive.area);
        if (!area || !applies(directive.mask)) break;
        for (let at = 0; at < area.length; at += PAGE) {
          const data = area.subarray(at, at + PAGE);
          pages.push({ gfn: directive.gfn + at / PAGE, data, type: Launch.UNMEASURED });
        }
        break;
      }
      case 'page':
        if (applies(directive.mask)) pages.push(loadedPage(machine, directive));
        break;
      case 'memory': {
        if (!applies(directive.mask)) break;
        const last = directive.gfn + directive.pages - 1;
        if ([directive.gfn, last].some((gfn) => machine.memory.frameOf(gfn) === undefined)) {
          throw new UserError('the IGVM file requires more memory than there is (--memory)');
        }
        break;
      }
      case 'context':
      case 'identity':
        break;
    }
  }
  return pages;
}

/** A PAGE_DATA directive as KVM launches it. IGVM facts: igvm_defs, QEMU backends/igvm.c. */
function loadedPage(machine: Machine, page: Directive & { kind: 'page' }): LaunchedPage {
  const { gfn, data, flags, dataType } = page;
  if ((flags & Igvm.PAGE_SHARED) !== 0) return { gfn, data, type: 'shared' };
  if (dataType === Igvm.DATA_SECRETS) return { gfn, data, type: Launch.SECRETS };
  if (dataType === Igvm.DATA_CPUID || dataType === Igvm.DATA_CPUID_XF) {
    // What the file lists there is a wish; the host has its own table.
    const table = machine.mode === 'snp' ? cpuidPage(machine.hypervisor.cpuidLeaves) : data;
    return { gfn, data: table, type: Launch.CPUID };
  }
  const measured = (flags & Igvm.PAGE_UNMEASURED) === 0;
  return { gfn, data, type: measured ? Launch.NORMAL : Launch.UNMEASURED };
}

function place(machine: Machine, page: LaunchedPage): void {
  const outcome = machine.memory.writeGuest(BigInt(page.gfn) * BigInt(PAGE), page.data);
  if (outcome === undefined) return;
  const gpa = `0x${(page.gfn * PAGE).toString(16)}`;
  if (outcome === 'absent')
    throw new UserError(`the IGVM file loads ${gpa}, where there is no memory`);
  throw new UserError(`the IGVM file loads page ${gpa} twice`);
}

/** The context of vCPU 0; there is no other. */
function vpContext(
  directives: readonly Directive[],
  applies: (mask: number) => boolean,
): Uint8Array {
  const contexts = directives.filter(
    (directive): directive is Directive & { kind: 'context' } =>
      directive.kind === 'context' && applies(directive.mask),
  );
  const [first] = contexts;
  if (!first) throw new UserError('the IGVM file has no VP_CONTEXT for this platform');
  if (contexts.length > 1 || first.vp !== 0) {
    throw new UserError('the IGVM file starts more than one vCPU, and this machine has one');
  }
  return first.data;
}
