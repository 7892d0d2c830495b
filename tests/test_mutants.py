"""The mutants of `mutants.py` fit the code as it is; running them takes too long for the suite."""

import ast

import pytest
from mutants import MUTANTS, ROOT, mutated


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mutant_is_another_program(mutant):
    text = mutated(mutant, ROOT)
    assert mutant.old != mutant.new
    ast.parse(text)


def test_the_tests_of_mutants_are_there():
    for path in {path for mutant in MUTANTS for path in mutant.tests.split()}:
        assert (ROOT / "tests" / path).exists(), path
