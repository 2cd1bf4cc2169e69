"""Names of people: faker's lists of many locales, split into names for training and names held out for measuring."""

from functools import lru_cache
from importlib import import_module
from pathlib import Path
from zlib import crc32

LOCALES = (
    *("en_US", "en_GB", "en_IN", "en_NZ", "en_IE", "de_DE", "fr_FR", "es_ES", "es_MX", "it_IT", "pt_BR", "pt_PT", "nl_NL"),
    *("pl_PL", "cs_CZ", "sk_SK", "sv_SE", "no_NO", "da_DK", "fi_FI", "hu_HU", "ro_RO", "hr_HR", "sl_SI", "lt_LT", "lv_LV"),
    *("et_EE", "tr_TR", "id_ID", "vi_VN", "yo_NG", "ig_NG", "ha_NG", "en_NG", "zu_ZA", "tw_GH", "sw", "en_KE", "en_PK"),
    *("uz_UZ", "az_AZ", "de_AT", "fr_CH", "es_CO", "es_AR", "fr_DZ", "fil_PH", "ga_IE", "is_IS", "sq_AL", "mt_MT"),
)
_HOME = Path(__file__).parent / "names"


def collect() -> None:
    """Writes the lists anew from faker, which only this step needs; training reads the files."""
    for kind, names in zip(("first", "last"), _from_faker(), strict=True):
        (_HOME / f"{kind}.txt").write_text("\n".join(names) + "\n", encoding="utf-8")


def _from_faker() -> tuple[list[str], list[str]]:
    first: set[str] = set()
    last: set[str] = set()
    providers = Path(str(import_module("faker.providers.person").__file__)).parent
    for locale in LOCALES:
        if (providers / locale).exists():
            provider = import_module(f"faker.providers.person.{locale}").Provider
            first.update(*(getattr(provider, field, ()) for field in ("first_names", "first_names_male", "first_names_female")))
            last.update(*(getattr(provider, field, ()) for field in ("last_names", "last_names_male", "last_names_female")))
    return _clean(first), _clean(last)


def _clean(names: set[str]) -> list[str]:
    plain = (str(name) for name in names)
    return sorted(name for name in plain if 2 < len(name) < 22 and all(c.isalpha() or c in " -'" for c in name))


@lru_cache(maxsize=1)
def all_first_names() -> tuple[str, ...]:
    return _read("first")


@lru_cache(maxsize=1)
def all_last_names() -> tuple[str, ...]:
    return _read("last")


def _read(kind: str) -> tuple[str, ...]:
    return tuple((_HOME / f"{kind}.txt").read_text(encoding="utf-8").splitlines())


def is_held_out(name: str) -> bool:
    """One name in eight is never trained on."""
    return crc32(name.lower().encode()) % 8 == 0
