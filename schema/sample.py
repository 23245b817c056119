#!/usr/bin/env python3
"""Write the sample data: schema/sample.py [DIRECTORY], by default schema/sample.

As many people as were aboard the Titanic of each class, sex and age group, and as many survivors (README.md says whose
counts these are). Names, families, ages and fares are invented. The generator of random numbers is our own and its seed
is fixed, so the files are the same wherever this runs.
"""

import csv
import sys
from pathlib import Path

# (class, sex, age group): (died, survived); class 0 is the crew.
COUNTS = {
    (1, "male", "child"): (0, 5), (1, "female", "child"): (0, 1),
    (1, "male", "adult"): (118, 57), (1, "female", "adult"): (4, 140),
    (2, "male", "child"): (0, 11), (2, "female", "child"): (0, 13),
    (2, "male", "adult"): (154, 14), (2, "female", "adult"): (13, 80),
    (3, "male", "child"): (35, 13), (3, "female", "child"): (17, 14),
    (3, "male", "adult"): (387, 75), (3, "female", "adult"): (89, 76),
    (0, "male", "adult"): (670, 192), (0, "female", "adult"): (3, 20),
}
CHILD_UNTIL = 14  # years; children's ages are always known, so that the files can be counted

PASSENGER = ["survived", "passengerClass", "name", "sex", "age", "siblingsOrSpousesAboard", "parentsOrChildrenAboard",
             "fare"]
EMPLOYEE = ["name", "age", "email"]

GIVEN = {
    "male": """Albert Alfred Ambrose Archibald Arthur Bernard Cecil Charles Clarence Clement Cyril Daniel Denis Edgar
        Edmund Edward Edwin Ernest Eustace Felix Francis Frank Frederick George Gilbert Harold Henry Herbert Horace Hugh
        Isaac James John Joseph Lawrence Leonard Leopold Lionel Martin Matthew Maurice Michael Nathaniel Oliver Oscar
        Patrick Percy Peter Philip Ralph Reginald Richard Robert Rupert Samuel Sidney Stanley Stephen Theodore Thomas
        Victor Wallace Walter Wilfred William""".split(),
    "female": """Ada Adelaide Agnes Alice Amelia Annie Augusta Beatrice Bertha Bridget Caroline Catherine Charlotte
        Clara Constance Cora Daisy Dora Edith Eleanor Eliza Elizabeth Ellen Elsie Emily Emma Esther Ethel Eva Evelyn Fanny
        Florence Frances Gertrude Gladys Grace Hannah Harriet Helen Hilda Ida Isabel Jane Jessie Josephine Kate Laura
        Lilian Louisa Lucy Mabel Margaret Maria Martha Mary Matilda Maud Mildred Minnie Nellie Nora Olive Rachel Rosa
        Ruth Sarah Sophia Susan Sybil Violet Winifred""".split(),
}
ABROAD = {  # passengers came from many countries; addresses of the crew stay ASCII
    "male": "Anders André Björn Émile François Håkon Jörgen Luís Søren Žarko".split(),
    "female": "Agnès Åsa Élise Hélène Inês Märta Sólveig Thérèse Zoë".split(),
}
BEGINNINGS = """Al Ash Bar Black Brad Bram Brook Cal Char Clay Cold Cran Dal Den East Ever Fair Far Glen Gran Green Hal
    Har Haver Hazel Hol Kel Kings Lang Lin Lock Mal Mar Med Mil Nor Oak Pem Quin Red Rock Rush Sea Shel Stan Sum Thorn
    Tre Up Wal Wes Whit Win Winter Wood Wy""".split()
ENDINGS = """bourne bridge bury by combe croft dale den don field ford gate grave ham hurst land leigh ley low man mere
    more ridge shaw stead stock stone ton wall way well wick wood worth""".split()


class Random:
    """xorshift64*: a few lines that give the same numbers under every version of Python."""

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        """A whole number from 0 to limit - 1."""
        x = self.state
        x ^= x >> 12
        x ^= x << 25 & 0xFFFFFFFFFFFFFFFF
        x ^= x >> 27
        self.state = x
        return ((x * 0x2545F4914F6CDD1D & 0xFFFFFFFFFFFFFFFF) >> 32) * limit >> 32

    def between(self, least, most):
        return least + self.below(most - least + 1)

    def chance(self, percent):
        return self.below(100) < percent

    def choice(self, values):
        return values[self.below(len(values))]

    def shuffle(self, values):
        for last in range(len(values) - 1, 0, -1):
            other = self.below(last + 1)
            values[last], values[other] = values[other], values[last]


class Names:
    """Names that nobody else of the same list has."""

    def __init__(self, random, abroad):
        self.random = random
        self.abroad = abroad  # percent of given names that are not English
        self.taken = set()

    def surname(self):
        return self.random.choice(BEGINNINGS) + self.random.choice(ENDINGS)

    def full(self, title, sex, surname):
        while True:
            given = self.random.choice((ABROAD if self.random.chance(self.abroad) else GIVEN)[sex])
            name = f"{title} {given} {surname}".strip()
            if name not in self.taken:
                self.taken.add(name)
                return name


def draw(random, passenger_class, sex, group):
    """Whether each person of that kind survived, in random order."""
    died, survived = COUNTS[passenger_class, sex, group]
    fates = [False] * died + [True] * survived
    random.shuffle(fates)
    return fates


def adult_age(random, least):
    """Most are between 15 and 45; of some it isn't known."""
    if random.chance(20):
        return ""
    return str(max(least, CHILD_UNTIL + 1 + random.below(16) + (random.below(30) if random.chance(50) else 0)))


def child_age(random):
    return random.choice(["0.5", "0.75"]) if random.chance(6) else str(random.between(1, CHILD_UNTIL))


def fare(random, passenger_class):
    """What one berth cost, in pence; few of the first class paid hundreds of pounds."""
    if passenger_class == 1:
        suite = 240 * random.below(180) if random.chance(15) else 0
        return 240 * random.between(26, 60) + 12 * random.below(20) + suite
    return random.between(*{2: (240 * 10, 240 * 15), 3: (240 * 7, 240 * 9)}[passenger_class])


def pounds(pence):
    """Pounds with at most four decimals: 1902 pence, £7 18s 6d, are 7.925."""
    whole, rest = divmod((pence * 10000 + 120) // 240, 10000)
    return f"{whole}.{rest:04}".rstrip("0").rstrip(".")


def families(random, passenger_class):
    """Everybody of one class in families; (men, women, boys, girls), each the fates of its members."""
    men, women = (draw(random, passenger_class, sex, "adult") for sex in ("male", "female"))
    children = [(sex, fate) for sex in ("male", "female") for fate in draw(random, passenger_class, sex, "child")]
    random.shuffle(children)
    while children:
        count = min(random.choice([1, 1, 2, 2, 3, 4]), len(children))
        kids = [children.pop() for _ in range(count)]
        mother = random.chance(90)
        father = not mother or random.chance(70)
        yield ([men.pop()] if father else []), ([women.pop()] if mother else []), kids
    while women:
        if random.chance(40):
            yield [men.pop()], [women.pop()], []
        else:
            yield [], [women.pop()], []
    for man in men:
        yield [man], [], []


def passengers(random):
    """The rows of passengers.csv. Who travels together shares a surname and stands together."""
    names = Names(random, abroad=6)
    groups = [(passenger_class, family) for passenger_class in (1, 2, 3)
              for family in families(random, passenger_class)]
    random.shuffle(groups)
    for passenger_class, (men, women, children) in groups:
        surname = names.surname()
        couple = bool(men and women)
        berths = len(men) + len(women) + len(children)
        # A few travelled on a ticket of which nothing is known.
        paid = pounds(fare(random, passenger_class) * berths) if not random.chance(1) else ""
        ages = [child_age(random) for _ in children]
        least = 18 + max((int(float(age)) for age in ages), default=0) if couple or children else 0
        for sex, fates in (("male", men), ("female", women)):
            for fate in fates:
                married = "Mrs." if couple or children or random.chance(20) else "Miss"
                name = names.full("Mr." if sex == "male" else married, sex, surname)
                yield fate, passenger_class, name, sex, adult_age(random, least), int(couple), len(children), paid
        for (sex, fate), age in zip(children, ages):
            name = names.full("Master" if sex == "male" else "Miss", sex, surname)
            yield fate, passenger_class, name, sex, age, len(children) - 1, len(men) + len(women), paid


def employees(random):
    """The rows of employees.csv: the crew. Who of them survived is not in the table."""
    names = Names(random, abroad=0)
    crew = [sex for sex in ("male", "female") for _ in draw(random, 0, sex, "adult")]
    random.shuffle(crew)
    for sex in crew:
        name = names.full("", sex, names.surname())
        yield name, random.between(17, 40) + random.below(21), name.lower().replace(" ", ".") + "@whitestar.example"


def text(value):
    return str(value).lower() if isinstance(value, bool) else value


def write(path, header, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([text(value) for value in row] for row in rows)


def main():
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "sample"
    directory.mkdir(parents=True, exist_ok=True)
    random = Random(19120415)
    write(directory / "passengers.csv", PASSENGER, passengers(random))
    write(directory / "employees.csv", EMPLOYEE, employees(random))


if __name__ == "__main__":
    main()
