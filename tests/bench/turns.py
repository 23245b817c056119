"""What is compared takes turns, so that whatever changes on the machine meanwhile hits all alike."""

from load import Refused, medians


def plainly(key):
    return ", ".join(key)


class Diary:
    """What goes wrong on the way. `say` takes a line for who waits; `title` names a run for people."""

    def __init__(self, say=lambda text: None, title=plainly):
        self.say = say
        self.title = title
        self.refused = []

    def refuse(self, what, fault):
        self.refused.append(f"{what}: {fault}.")


def take(runs, times, diary):
    """Calls each of `runs`, callables by (work, by), in turn; what each returned each time.

    Every second time they go backwards: on a machine that gets slower, or faster, nobody is always the later one.
    One that was refused is left out from then on, and has None instead.
    """
    seen = {key: [] for key in runs}
    for turn in range(times):
        order = list(runs) if turn % 2 == 0 else list(reversed(runs))
        for key in [key for key in order if seen[key] is not None]:
            diary.say(f"{diary.title(key)}, run {turn + 1} of {times}")
            try:
                seen[key].append(runs[key]())
            except Refused as fault:
                diary.refuse(diary.title(key), fault)
                seen[key] = None
    return seen


def loaded(figures):
    """What the report keeps of the runs of a load: nothing, if they were refused."""
    return {**medians(figures), "runs_rps": [run.rps for run in figures]} if figures else {}
