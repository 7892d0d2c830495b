"""The mutants of `mutants.py` fit the code as it is; running them takes too long for the suite."""

import ast

import pytest
from mutants import MUTANTS, ROOT, TABLE, mutated


@pytest.mark.parametrize("path", TABLE)
def test_mutants_are_other_programs(path):
    own = [mutant for mutant in MUTANTS if mutant.path == path]
    assert own
    for mutant in own:
        assert mutant.old != mutant.new
        ast.parse(mutated(mutant, ROOT))
    assert len({(mutant.old, mutant.new) for mutant in own}) == len(own)


def test_the_tests_of_mutants_are_there():
    for path in {path for mutant in MUTANTS for path in mutant.tests.split()}:
        assert (ROOT / "tests" / path).exists(), path


def test_a_text_that_is_not_there_once_is_refused():
    for old in ("no such text", "import"):
        with pytest.raises(ValueError, match=r"the old text is \d+ times in the file"):
            mutated(MUTANTS[0]._replace(old=old), ROOT)
