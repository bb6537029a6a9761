"""The rule about READMEs finds what it should, and only that."""

import pytest

from house_rules.readmes import readmes_are_true

README = "plugins/good/README.md"
GOOD = "# Good\n\n    pip install core-plus-good\n\n```python\nfrom core_plus import tool\n```\n"


def offences(text, seeded):
    return [line for line in readmes_are_true(seeded({README: text}), ["tool"]) if line.startswith(README)]


@pytest.mark.parametrize(
    ("old", "new", "offence"),
    [
        ("core-plus-good", "good", ":1: it doesn't say `pip install core-plus-good`"),
        ("```", "", ":1: no block of code (```python, ```sh) shows it in use"),
        ("import tool", "import tool, _x", ":6: _x is no public name of core_plus"),
        ("import tool", "import", ":6: the code can't be read: "),
        ("# Good\n", "# Good\n" * 60, ":66: 66 lines, the most is 60: a screen"),
    ],
)
def test_a_readme_that_does_not_serve_is_found(old, new, offence, seeded):
    (found,) = offences(GOOD.replace(old, new), seeded)
    assert found.startswith(f"{README}{offence}")


def test_a_readme_that_serves_is_let_be(seeded):
    assert not offences(GOOD, seeded)
    assert not offences(GOOD.replace("```python\nfrom", "```sh\ncore-plus from"), seeded)
