"""`run COMPETITION --on kaggle`: sent once, followed, brought back; killed at any moment, the same command goes on."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pipelines.errors import HomeworkError, SubmissionError, UsageError
from pipelines.report.console import errors_in_plain_words, give, progress_bar, say, say_aside
from pipelines.settings.contradictions import refuse_away

if TYPE_CHECKING:
    from pipelines.kaggle.remote.bring import Back, Bringer, Places
    from pipelines.kaggle.remote.follow import Log
    from pipelines.kaggle.remote.kernels import Kernels
    from pipelines.kaggle.remote.ledger import RemoteLedger, Sent
    from pipelines.kaggle.remote.script import Job
    from pipelines.settings.lookup import Outline
    from pipelines.web.patience import Patience

TRAVELS = (  # in the order in which they are sent, whatever that was in which they were typed; the flag is last
    "preset", "variants", "folds", "seeds", "epochs", "minutes", "seed", "note", "importance",
)  # fmt: skip
PLACES = ("data", "output", "runs")  # on this machine
AT_HOME = ("name", "on", "accelerator", *PLACES, "restart", "quiet", "as_json", "lang")
ACCELERATORS = {  # by our names, and by its own in small letters: what Kaggle's API calls them
    "gpu": "NvidiaTeslaT4", "none": "", "nvidiateslat4": "NvidiaTeslaT4", "nvidiateslap100": "NvidiaTeslaP100",
}  # fmt: skip
TUNED = "tuned.json"  # what a search has found, in the folder of a competition's runs
LOOKS = 5  # whether a push arrived whose answer was lost

Say = Callable[[str], None]


@dataclass
class Way:
    """What was asked for, and how far it has come."""

    job: "Job"
    places: "Places"
    say: Say
    restart: bool = False
    quiet: bool = False
    here: list[str] = field(default_factory=list)
    sent: "Sent | None" = field(default=None, init=False)

    def interrupted(self) -> str:
        """What an interruption leaves."""
        if self.sent is None:
            return "interrupted; nothing was sent to Kaggle, or the same command finds it there"
        return f"interrupted; the run on Kaggle goes on; to follow it and bring it back: {self.sent.command}"


def run_away(context: typer.Context) -> None:
    """The command line's `run` with --on: its options as they were given there."""
    given = [
        name for name in context.params if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    ]
    ways = list[Way]()
    with errors_in_plain_words(lambda: ways[0].interrupted() if ways else "interrupted"):
        accelerator = "gpu" if context.params["accelerator"] is None else context.params["accelerator"]
        refuse_away(str(context.info_name), context.params["on"], accelerator, _strange(context, given))
        outline = _asked(context.params)
        machine = ACCELERATORS.get(accelerator.lower(), accelerator)
        ways.append(_way(context, outline, machine))
        back = go(ways[0])
        if context.params["as_json"]:
            give(back.record.to_json())
        elif ways[0].quiet:
            give(str(back.csv))


def _strange(context: typer.Context, given: list[str]) -> list[str]:
    """Options that were given and make no sense away from home, as they are written."""
    names = {param.name: param.opts[0] for param in context.command.params}
    found = [names.get(name, name) for name in given if name not in (*TRAVELS, *AT_HOME)]
    sample = ["--data sample"] if context.params["data"] == Path("sample") else []
    return found + sample + ['--runs ""'] * (not context.params["runs"])


def _options(context: typer.Context, chosen: tuple[str, ...]) -> list[str]:
    """Those of the chosen options that were given, in one spelling: the same ones are the same command."""
    from pipelines.report.options import names

    default, options = {param.name: param.default for param in context.command.params}, list[str]()
    for name in chosen:
        value = context.params[name]
        if value != default[name]:
            value = ",".join(names(value) or ()) if name == "variants" else value
            options += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    return options


def _asked(params: Mapping[str, Any]) -> "Outline":
    """Look at all values that travel before anything is sent.

    Raises: UsageError.
    """
    from pipelines.report.asked import asked
    from pipelines.report.options import names
    from pipelines.settings.knobs import Knobs

    known = {field.name for field in fields(Knobs)} - {"variants"}
    chosen = {name: params[name] for name in TRAVELS if name in known and name in params}
    variants = names(params["variants"])
    return asked(
        params["name"],
        Knobs(**chosen, variants=variants, data=params["data"], output=params["output"], runs=Path(params["runs"])),
        write=True,
    )


def _way(context: typer.Context, outline: "Outline", accelerator: str) -> Way:
    from pipelines.kaggle.remote.bring import Places
    from pipelines.kaggle.remote.script import new_job
    from pipelines.settings.lookup import load
    from pipelines.submission.provenance import git_commit

    params, slug = context.params, outline.slug or load(outline.name).slug
    lines = say_aside if params["as_json"] else (lambda _line: None) if params["quiet"] else say
    places = Places(Path(params["runs"]), params["output"], params["data"] or Path("data") / slug)
    job = new_job(slug, outline.name, _options(context, TRAVELS), accelerator, git_commit())
    return Way(job, places, lines, params["restart"], params["quiet"], _options(context, PLACES))


def go(way: Way) -> "Back":
    """Send the job unless it is there, follow it, bring it back.

    Raises: KernelError for a run that failed there; what `Kernels` raises.
    """
    from pipelines.kaggle.client import Kaggle
    from pipelines.kaggle.remote.kernels import Kernels
    from pipelines.kaggle.remote.ledger import RemoteLedger

    ledger = RemoteLedger(way.places.runs)
    with ExitStack() as stack:
        stack.enter_context(ledger.alone())
        kaggle = stack.enter_context(Kaggle(patience=_patience(), say=say_aside))
        show = stack.enter_context(progress_bar(silent=way.quiet, unit="bytes"))
        trip = Trip(way, Kernels(kaggle), ledger, show)
        return trip.back(trip.sent() or trip.send())


class Trip:
    """One command's dealings with Kaggle, in order."""

    def __init__(self, way: Way, kernels: "Kernels", ledger: "RemoteLedger", show: Any) -> None:
        self.way, self.kernels, self.ledger, self.show = way, kernels, ledger, show

    def sent(self) -> "Sent | None":
        """The job that was sent before, by this command; None where there is none.

        A job of another command is brought back first, if it has come to its end.
        Raises: RefusedError if it is still at work; AccessError if Kaggle does not show it, though it is there.
        """
        from pipelines.kaggle.errors import AccessError
        from pipelines.kaggle.remote.kernels import OVER, Pushed
        from pipelines.kaggle.remote.refusals import another_run

        before = self._settled(self.ledger.open())
        if before is not None and self.way.restart and before.job.slug == self.way.job.slug:
            self.ledger.closed(before, "--restart")
            return None
        if before is not None and before.job.asks_the_same(self.way.job):
            self._note_changes(before.job)
            before.here = self.way.here
            return before
        if before is None:
            return None
        try:
            if self.kernels.state(before.ref)[0] not in OVER:
                raise another_run(before.command, Pushed(before.ref).url)
            self._bring_first(before)
        except AccessError as error:
            self._given_up(before, error)
        return None

    def _bring_first(self, before: "Sent") -> None:
        """Bring back what another command has sent; what went wrong with it is told, and stands in nobody's way."""
        from pipelines.kaggle.remote.ledger import staging_of
        from pipelines.kaggle.remote.refusals import KernelError

        self.way.say(f"first, what was sent before: {before.job.command}")
        places = self.way.places
        other = Way(before.job, replace(places, data=places.data.parent / before.job.slug), self.way.say)
        try:
            Trip(other, self.kernels, self.ledger, self.show).follow(before)
        except KernelError as error:
            self.way.say(f"note: {error.message}")
            self.ledger.closed(before, error.message)
        except SubmissionError as error:
            self.way.say(f"note: {error.message}; the run is left in {staging_of(places.runs, before)}")
            self.ledger.closed(before, error.message, leave=True)

    def _given_up(self, before: "Sent", error: HomeworkError) -> None:
        """Close what another command has sent and Kaggle does not show: it is gone, or --restart gives it up.

        Raises: AccessError.
        """
        from pipelines.kaggle.errors import AccessError
        from pipelines.kaggle.remote.refusals import KernelError

        try:
            raise self._out_of_reach(before, error)
        except KernelError as gone:
            self.way.say(f"note: {gone.message}")
        except AccessError as there:
            if not self.way.restart:
                raise
            self.way.say(f"note: {there.message}")
            self.ledger.closed(before, "--restart")

    def _same_account(self, sent: "Sent") -> None:
        """Raise AccessError for a script of another account: that this one is not shown it says nothing."""
        from pipelines.kaggle.remote.refusals import another_account

        owner = self.kernels.kaggle.owner()
        if owner.lower() != sent.ref.partition("/")[0].lower():
            raise another_account(sent.ref, owner)

    def _out_of_reach(self, sent: "Sent", error: HomeworkError) -> HomeworkError:
        """The error for a run that Kaggle does not show; one whose script is gone is closed, which sends nothing."""
        from pipelines.kaggle.remote.refusals import gone, not_shown

        self._same_account(sent)
        for _ in range(LOOKS):
            if self.kernels.find(sent.ref) is not None:
                return not_shown(error, sent.ref)
            self.kernels.kaggle.patience.sleep(self.kernels.kaggle.patience.first_poll)
        self.ledger.closed(sent, "the script is gone")
        return gone(sent.ref)

    def _note_changes(self, job: "Job") -> None:
        """Say that what runs there is not the code that is here now."""
        from pipelines.kaggle.remote import pack

        try:
            changed = pack.make(job.name, beside=self._beside()).sha256 != job.pack
        except UsageError:  # what would not be sent now; nothing is
            changed = True
        if changed:
            self.way.say("note: the code here has changed since this run was sent; what comes back is of the code then")

    def _settled(self, before: "Sent | None") -> "Sent | None":
        """Of a push whose end is not known, what became of it."""
        if before is None or before.version is not None:
            return before
        found = self.kernels.find(before.ref)
        if found is None and not self.way.restart:
            self._same_account(before)
        if found is None or found.job is None or found.job.id != before.job.id:
            self.ledger.closed(before, "it did not arrive")
            return None
        self.ledger.pushed(before, found.ref, found.version)
        return before

    def send(self) -> "Sent":
        """Show the quota, see that no kernel of ours runs, and push one.

        Raises: AccessError, CredentialsError, RefusedError, NetworkError, UsageError; then nothing was sent.
        """
        from pipelines.kaggle.remote import pack, script

        self._quota()
        kaggle, ref = self.kernels.kaggle, self.kernels.ref(self.way.job.name)
        there = None if self.way.restart else self._running(ref)
        if there is not None:
            return there
        secrets = [form for credential in kaggle.found.credentials for form in credential.as_sent]
        packed = pack.make(self.way.job.name, secrets, self._beside())
        job = replace(self.way.job, pack=packed.sha256)
        text = script.text(job, packed)
        pack.refuse_secrets(
            {"--note or another option": " ".join(job.options).encode("utf-8", "surrogatepass")}, secrets
        )
        self.way.say(
            f"sending {len(packed.sizes)} files ({len(text) / 1e3:.0f} kB, code only) to Kaggle as the private script "
            f"{ref}, accelerator: {job.accelerator or 'none'}"
        )
        return self._push(self.ledger.sending(job, ref, self.way.here), text)

    def _beside(self) -> dict[str, bytes]:
        """The file of the variant `tuned`, which is with the runs here, where that variant is asked for."""
        from pipelines.report.options import names

        slug, options = self.way.job.slug, self.way.job.options
        chosen = names(dict(zip(options[::2], options[1::2], strict=False)).get("--variants")) or ()
        path = self.way.places.runs / slug / TUNED
        return {f"runs/{slug}/{TUNED}": path.read_bytes()} if "tuned" in chosen and path.is_file() else {}

    def _quota(self) -> None:
        from pipelines.kaggle.errors import AccessError, RefusedError
        from pipelines.kaggle.refusals import SITE
        from pipelines.kaggle.remote.refusals import quota_used_up
        from pipelines.web.failures import NetworkError

        try:
            quota = self.kernels.quota()
        except (AccessError, NetworkError, RefusedError) as error:  # a run can do without knowing it
            self.way.say(f"GPU quota: not known ({error.message})")
            return
        if quota is None:
            self.way.say(f"GPU quota: Kaggle does not say; see {SITE}/settings/account")
            return
        until = f", anew at {quota.until}" if quota.until else ""
        self.way.say(f"GPU quota: {quota.left:.1f} h left of {quota.allowed:.0f} h a week{until}")
        if self.way.job.accelerator and quota.left <= 0:
            raise quota_used_up(quota.until)

    def _running(self, ref: str) -> "Sent | None":
        """A kernel of ours that another folder has sent, if it is still at work; one without a state is not."""
        from pipelines.kaggle.errors import AccessError
        from pipelines.kaggle.remote.kernels import LIVE
        from pipelines.kaggle.remote.refusals import another_run

        found = self.kernels.find(ref)
        if found is None or found.job is None:
            return None
        try:
            if self.kernels.state(ref)[0] not in LIVE[:2]:
                return None
        except AccessError:
            return None
        if not found.job.asks_the_same(self.way.job):
            raise another_run(found.job.command, found.url)
        sent = self.ledger.sending(found.job, ref, self.way.here)
        self.ledger.pushed(sent, ref, found.version)
        return sent

    def _push(self, sent: "Sent", text: str) -> "Sent":
        """Push once; where the answer is lost, the job's id in the kernel's text tells whether it arrived."""
        from pipelines.web.failures import NetworkError

        try:
            pushed = self.kernels.push(sent.ref, sent.job, text)
        except NetworkError as error:
            self.way.say(f"{error.message}; looking whether it arrived")
            for _ in range(LOOKS):
                found = self.kernels.find(sent.ref)
                if found is not None and found.job is not None and found.job.id == sent.job.id:
                    self.ledger.pushed(sent, found.ref, found.version)
                    return sent
                self.kernels.kaggle.patience.sleep(self.kernels.kaggle.patience.first_poll)
            raise
        except HomeworkError as error:
            self.ledger.closed(sent, error.message)
            raise
        self.ledger.pushed(sent, pushed.ref, pushed.version)
        return sent

    def back(self, sent: "Sent") -> "Back":
        """Follow what was sent, and bring it back.

        Raises: KernelError for what is gone, AccessError for what Kaggle does not show, beside the others.
        """
        from pipelines.kaggle.errors import AccessError

        try:
            return self.follow(sent)
        except AccessError as error:
            raise self._out_of_reach(sent, error) from None
        except SubmissionError:
            self.way.say("note: the same command brings this csv again; with --restart it sends the run anew")
            raise

    def follow(self, sent: "Sent") -> "Back":
        """The same, with Kaggle's own word where it does not show the run."""
        from pipelines.kaggle.remote.bring import Bringer
        from pipelines.kaggle.remote.follow import Log, wait
        from pipelines.kaggle.remote.kernels import Pushed

        way = self.way
        way.sent = sent
        way.say(f"on Kaggle: {Pushed(sent.ref).url}{f' (version {sent.version})' if sent.version else ''}")
        bringer, log = Bringer(self.kernels, sent, way.places, way.say, self.show), Log(way.say, [])
        status, message = wait(self.kernels, sent, bringer.is_ours, way.say, log)
        if status != "COMPLETE":
            self._ended(sent, status, message, log)
        back = self._brought(sent, bringer, message, log)
        self.ledger.closed(sent, "brought back")
        metric, record = back.record.metric, back.record
        if record.cv_mean is not None and record.cv_se is not None:
            way.say(f"{metric}, out of fold: {record.cv_mean:.4f} ± {record.cv_se:.4f}, {record.ran_on}")
        for line in (f"submission: {back.csv} (checked)", f"kept:       {back.run}"):
            way.say(line)
        way.say(f"to submit it: python -m pipelines submit {record.slug}")
        return back

    def _brought(self, sent: "Sent", bringer: "Bringer", message: str, log: "Log") -> "Back":
        from pipelines.kaggle.remote.refusals import foreign
        from pipelines.settings import lookup

        if not (lookup.FOLDER / self.way.job.name).is_dir():
            raise foreign(f"there is no folder competitions/{self.way.job.name} here any more", bringer.url)
        _, lines = self.kernels.output(sent.ref)
        log.grow(lines)
        found = bringer.manifest()
        if found is not None and found.id == sent.job.id and found.exit != 0:
            self._ended(sent, "ERROR", message, log)
        return bringer.bring(lambda: lookup.load(self.way.job.name))

    def _ended(self, sent: "Sent", status: str, message: str, log: "Log") -> None:
        """Close the job, and raise KernelError with the reason and the last lines of the log."""
        from pipelines.kaggle.remote.kernels import Pushed
        from pipelines.kaggle.remote.refusals import cancelled, failed

        self.ledger.closed(sent, message or status)
        url = Pushed(sent.ref).url
        if status == "CANCEL_ACKNOWLEDGED":
            raise cancelled(url)
        with suppress(HomeworkError):
            log.lines = self.kernels.output(sent.ref)[1] or log.lines
        raise failed(message, log.lines, url)


def _patience() -> "Patience":
    from pipelines.web.patience import Patience

    return Patience()
