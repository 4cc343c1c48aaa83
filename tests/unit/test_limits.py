"""Documents are bounded, and finding that out takes time in line with their length."""

import pytest
from graphql import get_introspection_query, parse

from schema.documents import Documents
from schema.limits import (
    ALIASES_MOST,
    DEPTH_MOST,
    DOCUMENT_MOST,
    TOKENS_MOST,
    WIDTH_MOST,
    Shapes,
    fragments_of,
    operations_of,
)
from schema.masking import ERRORS_MOST, RequestError
from schema.price import PRICE_MOST, Prices
from tests.example_schema import make_schema

SCHEMA = make_schema()
CORE = SCHEMA.runner.schema


def refused(text: str) -> dict[str, object]:
    """Return the only error of a document, as clients see it."""
    with pytest.raises(RequestError) as caught:
        SCHEMA.runner.documents.get(text)
    [error] = caught.value.errors
    return {"message": error.message, **(error.extensions or {})}


def price(text: str, **variables: object) -> int:
    document = SCHEMA.runner.documents.get(text)
    prices = Prices(CORE, document.fragments, variables)
    return prices.of(document.operations[0])


def fan_out(levels: int, step: str) -> str:
    """A document whose fragments spread the next one twice."""
    fragments = "".join(
        f"fragment F{n} on Apple{{{step.replace('NEXT', f'...F{n + 1}')}}}"
        for n in range(levels)
    )
    return f"{{apple{{...F0}}}}{fragments}fragment F{levels} on Apple{{id}}"


def test_the_length_of_a_document_is_bounded() -> None:
    assert refused("{hello}" + " " * DOCUMENT_MOST)["code"] == "LIMIT_EXCEEDED"


def test_the_number_of_tokens_is_bounded() -> None:
    answer = refused("{" + "hello " * TOKENS_MOST + "}")
    assert answer["code"] == "LIMIT_EXCEEDED"
    assert answer["limit"] == TOKENS_MOST


def test_depth_is_bounded_and_connections_cost_no_levels() -> None:
    deepest = "apple{" + "same{" * (DEPTH_MOST - 2) + "id" + "}" * (DEPTH_MOST - 1)
    SCHEMA.runner.documents.get("{" + deepest + "}")
    paged = "{things{nodes{...on Apple{things{nodes{id}}}}}}"
    [operation] = operations_of(parse(paged))
    assert Shapes({}).of(operation.selection_set).depth == 3


def test_one_level_too_deep_is_refused() -> None:
    deeper = "{apple{" + "same{" * (DEPTH_MOST - 1) + "id" + "}" * (DEPTH_MOST + 1)
    assert refused(deeper)["limit"] == DEPTH_MOST


def test_aliases_are_bounded_and_those_of_typename_are_free() -> None:
    names = " ".join(f"t{n}:__typename" for n in range(ALIASES_MOST + 5))
    SCHEMA.runner.documents.get(f"{{{names}}}")
    aliases = " ".join(f"a{n}:hello" for n in range(ALIASES_MOST + 1))
    assert refused(f"{{{aliases}}}")["limit"] == ALIASES_MOST


def test_aliases_of_mutations_count() -> None:
    call = 'create(input:{name:"x",channel:{pager:{token:"t"}}}){name}'
    calls = " ".join(f"a{n}:{call}" for n in range(ALIASES_MOST + 1))
    assert refused(f"mutation{{{calls}}}")["limit"] == ALIASES_MOST


def test_aliases_in_fragments_count_as_often_as_they_are_spread() -> None:
    document = fan_out(6, "a:same{NEXT} b:same{NEXT}")
    assert refused(document)["limit"] == ALIASES_MOST


def test_directives_in_one_place_are_bounded() -> None:
    assert refused("{hello" + " @x" * 10 + "}")["code"] == "LIMIT_EXCEEDED"
    assert refused("query" + " @x" * 10 + "{hello}")["code"] == "LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    "text",
    [
        "{" + "hello " * (WIDTH_MOST + 1) + "}",
        "{" + "...on Query{hello hello hello} " * (WIDTH_MOST // 3 + 1) + "}",
        "{"
        + "...F " * (WIDTH_MOST // 3 + 1)
        + "} fragment F on Query{hello hello hello}",
        "{apple{same{" + "id " * (WIDTH_MOST + 1) + "}}}",
        fan_out(60, "NEXT NEXT"),
    ],
)
def test_fields_in_one_place_are_bounded(text: str) -> None:
    assert refused(text)["limit"] == WIDTH_MOST


def test_fragments_that_spread_each_other_are_named_by_validation() -> None:
    with pytest.raises(RequestError) as caught:
        SCHEMA.runner.documents.get(
            "{apple{...A}} fragment A on Apple{...B} fragment B on Apple{...A}",
        )
    codes = {(error.extensions or {})["code"] for error in caught.value.errors}
    assert codes == {"GRAPHQL_VALIDATION_FAILED"}


@pytest.mark.parametrize("step", ["same{NEXT} same{NEXT}", "a:same{NEXT} b:same{NEXT}"])
def test_work_grows_in_line_with_the_fragments(step: str) -> None:
    """Unfolded, 60 levels of two would be 2 ** 60 selections."""
    visits = {}
    for levels in (17, 60):
        shapes = Shapes(fragments_of(parse(fan_out(levels, step))))
        for fragment in shapes.fragments.values():
            shapes.of(fragment.selection_set)
        visits[levels] = shapes.visits
    assert visits[60] < visits[17] * 4


def test_pricing_grows_in_line_with_the_fragments() -> None:
    visits, found = {}, {}
    for levels in (17, 60):
        document = parse(fan_out(levels, "same{NEXT} a:same{NEXT}"))
        prices = Prices(CORE, fragments_of(document), {})
        found[levels] = prices.of(operations_of(document)[0])
        visits[levels] = prices.visits
    assert visits[60] < visits[17] * 4
    assert found[60] > 2**60


def test_a_very_long_chain_of_fragments_is_refused() -> None:
    assert refused(fan_out(210, "NEXT"))["code"] == "LIMIT_EXCEEDED"


def test_a_very_deep_document_is_refused() -> None:
    assert refused("{" + "a{" * 900)["code"] == "LIMIT_EXCEEDED"


def test_a_list_counts_as_often_as_its_page_is_long() -> None:
    assert price("{hello}") == 1
    assert price("{things(first: 3){nodes{id}}}") == 1 + 3 * 2
    assert price("{things(last: 7){nodes{id}}}") == 1 + 7 * 2
    assert price("{things{nodes{id}}}") == 1 + 25 * 2
    assert price("{things(first: 5000){nodes{id}}}") == 1 + 100 * 2


def test_a_page_given_by_a_variable_counts_with_its_value() -> None:
    text = "query($n: Int){things(first: $n){nodes{id}}}"
    assert price(text, n=50) == 1 + 50 * 2
    assert price(text) == 1 + 25 * 2
    assert price(text, n="many") == 1 + 25 * 2
    assert price("query($n: Int = 4){things(first: $n){nodes{id}}}") == 1 + 4 * 2


def test_of_fragments_on_different_types_the_dearest_counts() -> None:
    rows = (
        "{things(first: 10){nodes{__typename ...on Apple{weight same{id}} FRAGMENT}}}"
    )
    apple = price(rows.replace("FRAGMENT", ""))
    assert price(rows.replace("FRAGMENT", "...on Pear{colour}")) == apple
    assert price(rows.replace("FRAGMENT", "...on Thing{id}")) == apple + 10


async def test_what_reads_too_much_is_refused_before_it_runs() -> None:
    inner = "...on Apple{things(first: 100){nodes{id}}}"
    text = f"query($n: Int){{things(first: $n){{nodes{{{inner}}}}}}}"
    result = await SCHEMA.execute(text, {"n": 100})
    assert result.errors is None
    text = text.replace("{id}", "{...on Apple{things(first: 100){nodes{id}}}}")
    assert (await SCHEMA.execute(text, {"n": 1})).errors is None
    result = await SCHEMA.execute(text, {"n": 100})
    assert result.data is None
    [error] = result.errors or []
    assert error.extensions == {"code": "LIMIT_EXCEEDED", "limit": PRICE_MOST}


async def test_introspection_is_within_the_bounds() -> None:
    result = await SCHEMA.execute(get_introspection_query())
    assert result.errors is None
    assert "__schema" in (result.data or {})
    wrapped = "ofType{" * DEPTH_MOST + "name" + "}" * DEPTH_MOST
    result = await SCHEMA.execute(f"{{__schema{{queryType{{{wrapped}}}}}}}")
    assert result.errors is None


def test_errors_of_one_document_are_bounded() -> None:
    with pytest.raises(RequestError) as caught:
        SCHEMA.runner.documents.get("{" + " ".join(f"x{n}" for n in range(90)) + "}")
    assert len(caught.value.errors) <= ERRORS_MOST


def test_no_message_suggests_names() -> None:
    for text in ("{hell}", "{hello(nam: 1)}", "{apple{...on Appl{id}}}"):
        assert "Did you mean" not in str(refused(text)["message"])


def test_documents_are_kept_while_they_are_used_and_no_longer() -> None:
    documents = Documents(CORE, kept_most=30)
    first = documents.get("{a:hello}")
    for name in "bcde":
        documents.get(f"{{{name}:hello}}")
        assert documents.get("{a:hello}") is first
    assert len(documents) == 3
    with pytest.raises(RequestError):
        documents.get("{nonsense}")
    assert documents.get("{a:hello}") is first


def test_one_of_several_operations_must_be_named() -> None:
    document = SCHEMA.runner.documents.get("query A{hello} query B{hello}")
    operation = document.operation("B")
    assert operation.name is not None
    assert operation.name.value == "B"
    for name in (None, "C"):
        with pytest.raises(RequestError):
            document.operation(name)
