"""One name's country by the network of lecture 13, which is kept once it is trained: the next name takes seconds.

Shapes: C countries.
"""

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import torch

from lectures.course.data import files_for_program
from lectures.course.lecture import Setting
from lectures.course.program import FOLDER, run_program
from pipelines.errors import UsageError
from pipelines.files import sha256
from pipelines.models import NameClassifier
from pipelines.report.console import complain
from pipelines.runs import tensors

PROGRAM = "lecture_13_names"
N_LETTERS = 128  # ASCII
BEST = 3


@dataclass(frozen=True)
class Reading:
    """What is read of a word: the letters that training names have, and those that none has, which are left out."""

    name: str
    unknown: str


@dataclass(frozen=True)
class Classifier:
    """A trained network, its countries by number, and the characters of the names that it was trained on."""

    model: NameClassifier
    countries: list[str]
    characters: str

    def reading(self, word: str) -> Reading:
        """Accents are dropped, as the course's names have none.

        Raises: UsageError where no character is left.
        """
        plain = "".join(c for c in unicodedata.normalize("NFKD", word.strip()) if not unicodedata.combining(c))
        name = "".join(c for c in plain if c in self.characters)
        unknown = "".join(dict.fromkeys(c for c in plain if c not in self.characters))
        if not name.strip():
            raise UsageError(
                f"no training name has a character of {word!r}",
                "write the name in Latin letters, say --name Wang",
                "请用拉丁字母（拼音）写姓氏，例如 --name Wang",
            )
        return Reading(name, unknown)

    def probabilities(self, name: str) -> list[tuple[str, float]]:
        """Countries with their probabilities, the most probable first."""
        letters, length = torch.tensor([[ord(c) for c in name]]), torch.tensor([len(name)])
        self.model.eval()
        with torch.inference_mode():
            shares = self.model(letters, length).softmax(dim=1)[0].tolist()
        return sorted(zip(self.countries, shares, strict=True), key=lambda pair: -pair[1])


def from_program(program: SimpleNamespace) -> Classifier:
    """The program's network, by the names of ours, with what it needs to read a name."""
    model = NameClassifier(N_LETTERS, len(program.countries))
    weights = program.model.state_dict().values()
    model.load_state_dict(dict(zip(model.state_dict(), weights, strict=True)))
    characters = "".join(sorted({c for name, _ in program.rows["train"] for c in name}))
    return Classifier(model, program.countries, characters)


def classifier(setting: Setting) -> Classifier:
    """The kept network of this program, these names and this seed; else the program trains one, which is kept."""
    files = files_for_program("names", setting)
    made_of = (FOLDER / f"{PROGRAM}.py").read_bytes() + b"".join(files.contents.values())
    path = setting.cache / "names" / f"classifier-{sha256(made_of)[:12]}-{setting.seed}.safetensors"
    try:
        return _kept(path)
    except tensors.DamagedError:
        setting.say("no trained network is kept yet: the program trains one, for a minute or two")
    trained = from_program(run_program(setting, PROGRAM, files.contents))
    try:
        about = {"countries": trained.countries, "characters": trained.characters}
        tensors.save(path, trained.model.state_dict(), about)
    except OSError as error:
        complain(f"warning: the network is not kept, {path}: {error.strerror or error}")
    return trained


def _kept(path: Path) -> Classifier:
    weights, about = tensors.load(path)
    model = NameClassifier(N_LETTERS, len(about["countries"]))
    model.load_state_dict(weights)
    return Classifier(model, about["countries"], about["characters"])


def say_country(word: str, setting: Setting) -> None:
    """Say the most probable countries of a name, and what of it was read."""
    trained = classifier(setting)
    reading = trained.reading(word)
    if reading.unknown:
        setting.say(f"no training name has {' '.join(reading.unknown)}: left out")
    setting.say(f"{reading.name} may come from")
    for country, share in trained.probabilities(reading.name)[:BEST]:
        setting.say(f"  {country:<12}{share:>7.1%}")
