"""Embedded sample: invented passengers in the columns, gaps and shares of the Titanic competition.

Passengers are made as parties (one ticket each) and then dealt to train and test person by person, so that
surnames, tickets and families straddle the split as they do in the real files. Nobody in it ever lived:
surnames are built of syllables, given names are bare initials, tickets and cabins have numbers of their own.
"""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

COLUMNS = "PassengerId Survived Pclass Name Sex Age SibSp Parch Ticket Fare Cabin Embarked"
TRAIN_ROWS = 891
CLASS_ROWS = {1: 323, 2: 277, 3: 709}
LARGEST_FAMILY = 9  # children; the one value of Parch that train must not show

# Tables by class, set after the competition's files.
PARTY_KINDS = ("man", "woman", "couple", "parents", "mother", "friends", "siblings")
KIND_SHARES = {
    1: (0.45, 0.12, 0.16, 0.10, 0.07, 0.06, 0.04),
    2: (0.53, 0.18, 0.09, 0.07, 0.06, 0.05, 0.02),
    3: (0.66, 0.20, 0.03, 0.04, 0.03, 0.02, 0.02),
}
NO_MORE_CHILDREN = {1: 0.65, 2: 0.60, 3: 0.40}  # chance after each child; never more than six
CHILD_AGE_LIMIT = {1: 30, 2: 18, 3: 18}  # grown children travel with their parents in first class
ADULT_AGE = {1: 43.0, 2: 32.0, 3: 27.0}
RARE_TITLES = {
    "male": {1: ("Dr", "Col", "Major", "Capt", "Don", "Sir"), 2: ("Rev", "Dr"), 3: ("Mr",)},
    "female": {1: ("Mme", "Mlle", "Lady"), 2: ("Ms",), 3: ("Miss",)},
}
FEMALE_TITLES = ("Mrs", "Miss", "Mme", "Mlle", "Ms", "Lady")
MARRIED_SHARE = {1: 0.45, 2: 0.40, 3: 0.12}  # of women who travel without husband and children
SURVIVAL = {"woman or child": {1: 0.97, 2: 0.93, 3: 0.48}, "man": {1: 0.35, 2: 0.09, 3: 0.11}}
AGE_MISSING = {1: 0.12, 2: 0.06, 3: 0.28}
CABIN_KNOWN = {1: 0.79, 2: 0.08, 3: 0.02}
DECKS = {1: "AABBBBBCCCCCCCDDDEE", 2: "DEFFF", 3: "EFFGG"}  # a letter's share is how often it stands here
PORTS = {1: (0.57, 0.41, 0.02), 2: (0.87, 0.10, 0.03), 3: (0.73, 0.12, 0.15)}  # of S, C, Q
LOG_FARE = {1: (3.45, 0.40), 2: (2.44, 0.20), 3: (1.98, 0.19)}  # mean and deviation of log(pounds a head)
FREE_TRAVEL = 0.03  # of the men who travel alone
TICKET_LEADS = {  # four random digits follow; none of these numbers is in the real files
    1: ("PC 2", "12", "12", "4"),
    2: ("26", "26", "27", "27", "C.A. 5", "SC/PARIS 4"),
    3: ("28", "28", "28", "29", "29", "29", "30", "30", "30", "A/5 4", "STON/O2. 317", "SOTON/OQ 45"),
}
SYLLABLES = (
    "Bar Dro Fen Gal Hol Kel Lun Mor Nev Ost Pel Quar Ros Sev Tam Ulv Vor Wex Yar Zim",
    "a be di en ko la mi no ru ti va zo",
    "drel frey gant holt keld lund mont nick rup sund tev vik",
)


@dataclass
class Person:
    """A passenger as the party makes him or her: before name, ticket and fate."""

    surname: str
    title: str
    Age: float
    SibSp: int = 0
    Parch: int = 0


def make_sample(seed: int = 0) -> dict[str, pd.DataFrame]:
    """Make the three files of the competition from invented passengers.

    Returns {"train.csv": 891 x 12, "test.csv": 418 x 11, "gender_submission.csv": 418 x 2}; Age in years,
    Fare in pounds a ticket, missing values NaN. Every row is made from `seed`, and one seed always makes the
    same rows; only the shares come from the competition's files.
    """
    rng = np.random.default_rng(seed)
    people = _add_tickets(rng, _people(rng))
    people["Survived"] = _survived(rng, people)
    people.loc[rng.random(len(people)) < people["Pclass"].map(AGE_MISSING), "Age"] = np.nan
    train, test = _deal(rng, people)
    _mark_single_cases(train, test)
    columns = COLUMNS.split()
    women = (test["Sex"] == "female").astype("int64")
    return {
        "train.csv": train[columns],
        "test.csv": test[[name for name in columns if name != "Survived"]],
        "gender_submission.csv": pd.DataFrame({"PassengerId": test["PassengerId"], "Survived": women}),
    }


def _people(rng: np.random.Generator) -> pd.DataFrame:
    """All persons; `party` numbers the parties, `size` counts the members."""
    parties = [(pclass, party) for pclass in CLASS_ROWS for party in _parties(rng, pclass)]
    rows = [
        {"party": number, "size": len(party), "Pclass": pclass, "Name": _name(rng, person), **asdict(person)}
        for number, (pclass, party) in enumerate(parties)
        for person in party
    ]
    people = pd.DataFrame(rows)
    people["Sex"] = np.where(people["title"].isin(FEMALE_TITLES), "female", "male")
    return people


def _parties(rng: np.random.Generator, pclass: int) -> list[list[Person]]:
    """Parties that together fill one class exactly."""
    parties = [_family(rng, pclass, ("Mr", "Mrs"), LARGEST_FAMILY)] if pclass == 3 else []
    places = CLASS_ROWS[pclass] - sum(len(party) for party in parties)
    while places > 0:
        party = _party(rng, pclass, str(rng.choice(PARTY_KINDS, p=KIND_SHARES[pclass])))
        if len(party) <= places:
            parties.append(party)
            places -= len(party)
    return parties


def _party(rng: np.random.Generator, pclass: int, kind: str) -> list[Person]:
    if kind in ("couple", "parents", "mother"):
        n_children = 0 if kind == "couple" else min(int(rng.geometric(NO_MORE_CHILDREN[pclass])), 6)
        return _family(rng, pclass, ("Mrs",) if kind == "mother" else ("Mr", "Mrs"), n_children)
    if kind == "siblings":
        surname, count = _surname(rng), int(rng.choice([2, 2, 3]))
        titles = [str(title) for title in rng.choice(["Mr", "Miss"], size=count, p=[0.6, 0.4])]
        return [Person(surname, title, _adult_age(rng, pclass), count - 1) for title in titles]
    if kind == "friends":
        sexes = rng.choice(["male", "female"], size=rng.choice([2, 2, 2, 3, 3, 4]), p=[0.8, 0.2])
        return [_loner(rng, pclass, str(sex)) for sex in sexes]
    return [_loner(rng, pclass, "female" if kind == "woman" else "male")]


def _family(rng: np.random.Generator, pclass: int, parents: tuple[str, ...], n_children: int) -> list[Person]:
    surname = _surname(rng)
    ages = [_child_age(rng, pclass) for _ in range(n_children)]
    mother = int(max(ages)) + int(rng.integers(19, 33)) if ages else _adult_age(rng, pclass)
    adults = {"Mrs": mother, "Mr": mother + int(rng.integers(0, 8))}
    family = [Person(surname, title, adults[title], len(parents) - 1, n_children) for title in parents]
    for age in ages:
        title = "Miss" if rng.random() < 0.5 else "Master" if age < 13 else "Mr"
        family.append(Person(surname, title, age, n_children - 1, len(parents)))
    return family


def _child_age(rng: np.random.Generator, pclass: int) -> float:
    years = int(rng.integers(0, CHILD_AGE_LIMIT[pclass]))
    return years or round(int(rng.integers(2, 12)) / 12, 2)  # the ages of infants are whole months


def _adult_age(rng: np.random.Generator, pclass: int) -> int:
    return int(np.clip(rng.normal(ADULT_AGE[pclass], 12.0), 16, 76))


def _loner(rng: np.random.Generator, pclass: int, sex: str) -> Person:
    """An adult without relatives aboard."""
    title = "Mr" if sex == "male" else "Mrs" if rng.random() < MARRIED_SHARE[pclass] else "Miss"
    if rng.random() < 0.10 / pclass:
        title = str(rng.choice(RARE_TITLES[sex][pclass]))
    return Person(_surname(rng), title, _adult_age(rng, pclass))


def _surname(rng: np.random.Generator) -> str:
    return "".join(str(rng.choice(part.split())) for part in SYLLABLES)


def _name(rng: np.random.Generator, person: Person) -> str:
    first, second, own = (chr(ord("A") + int(letter)) for letter in rng.integers(0, 26, size=3))
    name = f"{person.surname}, {person.title}. {first}. {second}."
    return f"{name} ({own}. {_surname(rng)})" if person.title == "Mrs" else name


def _add_tickets(rng: np.random.Generator, people: pd.DataFrame) -> pd.DataFrame:
    """Add what the members of a party share: Ticket, Fare, Cabin and Embarked."""
    parties = people.drop_duplicates("party")
    digits = rng.permutation(10_000)  # one draw without repeats: no two parties share a ticket
    shared = []
    for party, pclass, size, sex in parties[["party", "Pclass", "size", "Sex"]].itertuples(index=False):
        free = size == 1 and sex == "male" and rng.random() < FREE_TRAVEL
        fare = 0.0 if free else round(float(rng.lognormal(*LOG_FARE[pclass])) * size, 4)
        ticket = f"{rng.choice(TICKET_LEADS[pclass])}{digits[party]:04d}"
        port = str(rng.choice(["S", "C", "Q"], p=PORTS[pclass]))
        shared.append((party, ticket, fare, _cabin(rng, pclass, size), port))
    columns = ["party", "Ticket", "Fare", "Cabin", "Embarked"]
    return people.merge(pd.DataFrame(shared, columns=columns), on="party")


def _cabin(rng: np.random.Generator, pclass: int, size: int) -> str | float:
    if rng.random() > CABIN_KNOWN[pclass]:
        return np.nan
    deck, room = str(rng.choice(list(DECKS[pclass]))), int(rng.integers(151, 298))
    return f"{deck}{room} {deck}{room + 2}" if pclass == 1 and size > 3 else f"{deck}{room}"


def _survived(rng: np.random.Generator, people: pd.DataFrame) -> pd.Series:
    """Fates 0 or 1: within a class, the luckiest women and children and the luckiest men survive.

    Women and children of a party stayed together, so their luck is nearly one; men's is mostly their own.
    """
    together = (people["Sex"] == "female") | (people["title"] == "Master")
    shared = rng.standard_normal((2, people["party"].nunique()))[together.astype(int), people["party"]]
    own = rng.standard_normal(len(people)) * np.where(together, 0.2, 1.0)
    crowded = 2.0 * (people["size"] > 4)  # large families fared badly
    luck = pd.Series(shared + own - crowded, index=people.index)
    group = together.map({True: "woman or child", False: "man"})
    rates = [SURVIVAL[kind][pclass] for kind, pclass in zip(group, people["Pclass"], strict=True)]
    rank = luck.groupby([people["Pclass"], group]).rank(pct=True)
    return (rank > 1 - np.array(rates)).astype("int64")


def _deal(rng: np.random.Generator, people: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Deal persons to train and test at random; the parents of the largest family go to test."""
    key = np.where(people["Parch"] == LARGEST_FAMILY, 1.0, rng.random(len(people)))
    order = np.argsort(key, kind="stable")
    order = np.concatenate([rng.permutation(order[:TRAIN_ROWS]), rng.permutation(order[TRAIN_ROWS:])])
    dealt = people.iloc[order].assign(PassengerId=np.arange(1, len(people) + 1))
    return dealt[:TRAIN_ROWS].reset_index(drop=True), dealt[TRAIN_ROWS:].reset_index(drop=True)


def _mark_single_cases(train: pd.DataFrame, test: pd.DataFrame) -> None:
    """Put in the values that the competition shows once or twice, and in one of the two files only."""
    ladies = train.index[(train["Pclass"] == 1) & (train["Sex"] == "female")]
    train.loc[ladies[:2], "Embarked"] = np.nan
    gentlemen = train.index[(train["Pclass"] == 1) & (train["title"] == "Mr") & (train["size"] == 1)]
    train.loc[gentlemen[0], "Cabin"] = "T"
    poor = test.index[(test["Pclass"] == 3) & (test["title"] == "Mr") & (test["size"] == 1)]
    test.loc[poor[0], "Fare"] = np.nan
    wives = test.index[(test["Pclass"] == 1) & (test["title"] == "Mrs")]
    test.loc[wives[0], "Name"] = str(test.loc[wives[0], "Name"]).replace(", Mrs.", ", Dona.")
