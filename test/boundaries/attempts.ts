import type { Random } from '../random.ts';
import { eventName } from './events.ts';
import type { Outcomes } from './outcomes.ts';
import type { Point, Subject } from './subject.ts';
import type { Boundary } from './trace.ts';

/** Whether all there is is tried (`TACIT_BOUNDARIES=all`), or some of it. */
export const COMPLETE = process.env.TACIT_BOUNDARIES === 'all';

/** `TACIT_SHARD=2/5`: the second of five parts of what is complete; without it, all of it. */
function shard(): { part: number; of: number } {
  const [, part = '1', of = '1'] = /^(\d+)\/(\d+)$/.exec(process.env.TACIT_SHARD ?? '') ?? [];
  return { part: Number(part) - 1, of: Number(of) };
}

/** What is to be tried of `boundaries`: this shard's, or about `count` at random places. */
export function chosen(boundaries: readonly Boundary[], count: number, next: Random): Boundary[] {
  const { part, of } = shard();
  return sampled(boundaries, count, next).filter((_, i) => !COMPLETE || i % of === part);
}

/** What is to be tried, at each of the chosen, of further `boundaries`: all, or about `count` at random places. */
export function sampled(boundaries: readonly Boundary[], count: number, next: Random): Boundary[] {
  return boundaries.filter(() => COMPLETE || next() % boundaries.length < count);
}

/** The events to try at a boundary: all, or `count` of them. */
export function drawn(events: readonly bigint[], count: number, next: Random): readonly bigint[] {
  if (COMPLETE || events.length <= count) return events;
  return Array.from({ length: count }, () => events[next() % events.length] ?? 0n);
}

/** A place in a run: instructions executed by then, and whether what is pending there is to be brought first. */
export type Place = Pick<Boundary, 'at'> & Partial<Pick<Boundary, 'delivered'>>;

/** From where `subject` is, takes it to each place, shows it, and goes on from there undisturbed. */
export function visit<P extends Place>(
  subject: Subject,
  places: readonly P[],
  action: (place: P, point: Point) => void,
): void {
  for (const place of places) {
    subject.runTo(place.at);
    if (place.delivered) subject.deliver();
    const point = subject.snapshot();
    action(place, point);
    subject.restore(point);
  }
}

/** Injects each of `events` at each boundary, and sees how the guest ends. */
export function injectAt(
  subject: Subject,
  boundaries: readonly Boundary[],
  eventsAt: () => readonly bigint[],
  outcomes: Outcomes,
  where = '',
): void {
  visit(subject, boundaries, ({ at, rip }, point) => {
    for (const event of eventsAt()) {
      subject.restore(point);
      subject.machine.vcpu.inject(event);
      const what = () =>
        `${subject.name}, ${eventName(event)} at ${at} (${rip.toString(16)})${where}`;
      outcomes.add(subject.finish(), what);
    }
  });
}
