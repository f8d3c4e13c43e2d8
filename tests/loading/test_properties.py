"""However a set of objects is written, split and layered, it compiles to the same rows."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rmqsync.kinds import KINDS
from rmqsync.kinds.context import Context
from rmqsync.loading.compile import Options, compile_layers
from rmqsync.loading.document_of import compile_document
from rmqsync.loading.live_rows import rows_of_export
from rmqsync.model.errors import InvalidDefinitions
from rmqsync.model.values import canonical, same
from tests.corpora.strategies import clusters
from tests.loading.files import file

OPTIONS = Options(allow_plain_secrets=True)
FEW = settings(max_examples=30, suppress_health_check=list(HealthCheck))

any_cluster = st.sampled_from(list(KINDS)).flatmap(lambda kind: clusters(kind, Context()))


def literal(value):
    """Text as a file writes it, so that no variable is meant."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, dict):
        return {name: literal(item) for name, item in value.items()}
    if isinstance(value, list):
        return [literal(item) for item in value]
    return value


def compile_documents(*layers):
    found = compile_layers(
        [
            (
                str(number),
                [
                    file(json.dumps(literal(document)), f"{number}/{part}.json")
                    for part, document in enumerate(documents)
                ],
            )
            for number, documents in enumerate(layers)
        ],
        OPTIONS,
    )
    return shown(found.rows)


def shown(rows):
    """Rows in a form that keeps 1, 1.0 and true apart."""
    return {
        (kind, key): canonical(row) for kind, found in rows.items() for key, row in found.items()
    }


def items(document):
    return [(section, item) for section, found in document.items() for item in found]


@FEW
@given(rows=any_cluster)
def test_a_compiled_document_read_back_leaves_nothing_to_do(rows):
    live = rows_of_export(compile_document(rows))

    for kind in KINDS:
        wanted, there = rows.get(kind.name, {}), live[kind.name]
        assert wanted.keys() == there.keys()
        for key, row in there.items():
            assert same(row, wanted[key]) or same(row, kind.settle(wanted[key], row, Context()))


@FEW
@given(rows=any_cluster)
def test_a_compiled_document_is_read_back_as_it_was(rows):
    live = rows_of_export(compile_document(rows))

    assert shown(rows_of_export(compile_document(live))) == shown(live)


@FEW
@given(rows=any_cluster)
def test_an_export_and_a_file_with_the_same_text_give_the_same_rows(rows):
    document = compile_document(rows)

    assert compile_documents([document]) == shown(rows_of_export(document))


@FEW
@given(rows=any_cluster, data=st.data())
def test_any_split_over_files_and_layers_compiles_to_the_same(rows, data):
    document = compile_document(rows)
    parts = [[{}, {}], [{}], [{}]]

    for section, item in items(document):
        layer = data.draw(st.sampled_from(parts))
        data.draw(st.sampled_from(layer)).setdefault(section, []).append(item)

    assert compile_documents(*parts) == compile_documents([document])


@FEW
@given(rows=any_cluster, data=st.data())
def test_the_fields_of_an_object_may_come_from_different_layers(rows, data):
    document = compile_document(rows)
    identity = {
        kind.section: {"vhost", *(one.name for one in kind.identity)}
        for kind in KINDS
        if kind.section
    }
    parts = [[{}], [{}]]

    for section, item in items(document):
        names = identity[section]
        halves = [{n: v for n, v in item.items() if n in names} for _ in parts]
        for name in item.keys() - names:
            data.draw(st.sampled_from(halves))[name] = item[name]
        for (part,), half in zip(parts, halves, strict=True):
            part.setdefault(section, []).append(half)

    assert compile_documents(*parts) == compile_documents([document])


@FEW
@given(rows=any_cluster)
def test_a_layer_over_itself_changes_nothing(rows):
    document = compile_document(rows)

    assert compile_documents([document], [document]) == compile_documents([document])


@FEW
@given(rows=any_cluster)
def test_objects_nested_in_their_vhost_are_the_same(rows):
    document = compile_document(rows)
    nested = {name: [dict(item) for item in found] for name, found in document.items()}

    for kind in KINDS:
        if not (kind.in_vhost and kind.section):
            continue
        for item in nested.pop(kind.section, ()):
            vhost = next(v for v in nested["vhosts"] if v["name"] == item["vhost"])
            rest = {name: value for name, value in item.items() if name != "vhost"}
            vhost.setdefault(kind.section, []).append(rest)

    assert compile_documents([nested]) == compile_documents([document])


@FEW
@given(rows=any_cluster)
def test_bindings_nested_in_their_destination_are_the_same(rows):
    document = compile_document(rows)
    nested = {name: [dict(item) for item in found] for name, found in document.items()}

    for item in nested.pop("bindings", ()):
        section = f"{item['destination_type']}s"
        place = (item["vhost"], item["destination"])
        for parent in nested.get(section, ()):
            if (parent["vhost"], parent["name"]) == place:
                rest = {n: item[n] for n in ("source", "routing_key", "arguments")}
                parent.setdefault("bindings", []).append(rest)
                break
        else:
            nested.setdefault("bindings", []).append(item)

    assert compile_documents([nested]) == compile_documents([document])


@FEW
@given(rows=any_cluster)
def test_typed_sections_are_the_same_as_the_raw_form(rows):
    document = compile_document(rows)
    typed = {name: list(found) for name, found in document.items() if name != "parameters"}
    for kind in KINDS:
        if kind.export_section == "parameters" and kind.section:
            typed.setdefault(kind.section, []).extend(rows.get(kind.name, {}).values())
        elif kind.component:
            for row in rows.get(kind.name, {}).values():
                typed.setdefault("parameters", []).append(kind.to_export(row))

    assert compile_documents([typed]) == compile_documents([document])


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "name",
                    "vhost",
                    "value",
                    "uri",
                    "pattern",
                    "definition",
                    "limits",
                    "bindings",
                    "x",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
components = st.sampled_from([kind.component for kind in KINDS if kind.component] + ["x"])


@FEW
@given(
    document=st.dictionaries(
        st.sampled_from([kind.section for kind in KINDS if kind.section] + ["removed", "events"]),
        st.lists(anything, max_size=3) | anything,
        max_size=3,
    ),
    parameters=st.lists(
        st.fixed_dictionaries(
            {
                "vhost": st.just("/"),
                "component": components,
                "name": st.sampled_from(["limits", "a"]),
                "value": anything,
            }
        ),
        max_size=3,
    ),
)
def test_whatever_a_file_holds_gives_rows_or_findings(document, parameters):
    text = json.dumps({"parameters": parameters, **document})
    findings = ()

    try:
        findings = compile_layers([("base", [file(text, "a.json")])], OPTIONS).findings
    except InvalidDefinitions as error:
        findings = error.findings

    assert all(finding.source.file == "a.json" for finding in findings)
